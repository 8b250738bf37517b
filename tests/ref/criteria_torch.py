"""Write criteria_torch.h: masks of every criterion and Hessian-vector products in PyTorch (float64).

    python3 tests/ref/criteria_torch.py > tests/ref/criteria_torch.h

Weights, pixels, labels and vectors come from formulas that tests/criteria_fixture.h repeats. Masks
are kept as 0 and 1 for the MLP, and as number of survivors in each layer and FNV-1a hash of the
bytes for the convolutional networks. A threshold that rounding could move is refused (GAP): where
gradients are floats, a density nearby is taken.
"""
import math

import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
SAMPLES, CLASSES, STRIDE = 24, 4, 97
GAP = dict(snip=5e-6, taylor=5e-6, grasp=5e-6)  # others 1e-10
MODELS = {"MLP": (1, 3, 4), "LENET5": (1, 16, 16), "LENET5_CLASSIC": (2, 16, 16)}


def noise(i):
    """In [-1, 1), no two neighbours alike."""
    h = i * 0x9E3779B1 % 2**32
    h ^= h >> 15
    h = h * 0x85EBCA77 % 2**32
    h ^= h >> 13
    return h / 2**31 - 1


def layers_of(kind, norm):
    def conv(*sizes, **options):
        norms = [nn.BatchNorm2d(sizes[1])] if norm else []
        return [nn.Conv2d(*sizes, bias=not norm, **options), *norms, nn.ReLU()]

    def dense(*sizes):
        layers = [nn.Flatten()]
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        return layers[:-1]

    if kind == "MLP":
        return dense(12, 10, 8, CLASSES)
    if kind == "LENET5":
        return (conv(1, 20, 5) + [nn.MaxPool2d(2)] + conv(20, 50, 5) + [nn.MaxPool2d(2)]
                + dense(50, 500, CLASSES))
    return (conv(2, 6, 5, padding=2) + [nn.AvgPool2d(2)] + conv(6, 16, 5) + [nn.AvgPool2d(2)]
            + dense(64, 120, 84, CLASSES))


def f32(x):
    return float(np.float32(x))


class Case:
    """A model with its parameters and its data."""

    def __init__(self, kind, norm=False):
        image = MODELS[kind]
        pixels = math.prod(image)
        x = [[((37 * s + 91 * f + 13 * s * f + f * f) % 256 - 128) / 64 for f in range(pixels)]
             for s in range(SAMPLES)]
        self.x = torch.tensor(x).view(-1, *image)
        self.label = torch.tensor([(7 * s + s * s // 3) % CLASSES for s in range(SAMPLES)])
        self.model = nn.Sequential(*layers_of(kind, norm)).train()
        parts = list(self.model)
        self.layers = [m for m in parts if isinstance(m, (nn.Conv2d, nn.Linear))]
        self.weights = [m.weight for m in self.layers]
        rest = []
        for m in parts:
            if isinstance(m, nn.BatchNorm2d):
                rest += [m.weight, m.bias]
            elif isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
                rest += [m.bias]
        self.trained = self.weights + rest
        gains = [m.weight for m in parts if isinstance(m, nn.BatchNorm2d)]
        i = 0
        for p in self.trained:
            fan_in = p[0].numel() if p.dim() > 1 else 0
            with torch.no_grad():
                flat = p.view(-1)
                for k in range(flat.numel()):
                    if fan_in:
                        flat[k] = f32(noise(i) * math.sqrt(6 / fan_in))
                    else:
                        flat[k] = f32(any(p is g for g in gains) + 0.1 * noise(i))
                    i += 1

    def loss(self, first=0, end=SAMPLES):
        return nn.functional.cross_entropy(self.model(self.x[first:end]), self.label[first:end])

    def sizes(self):
        return [w.numel() for w in self.weights]


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


# Scores, the highest survive.

def magnitude(case):
    return flat(case.weights).abs()


def snip(case):
    return (flat(case.weights) * flat(torch.autograd.grad(case.loss(), case.weights))).abs()


def taylor(case):
    """Batches of one sample."""
    score = 0
    for s in range(SAMPLES):
        gradient = flat(torch.autograd.grad(case.loss(s, s + 1), case.weights))
        score = score + (flat(case.weights) * gradient).abs()
    return score


def grasp(case):
    """As the authors' code: score -theta_q Hg, those of the highest are removed. In later rounds
    the flow of pruned weights does not count."""
    g = torch.autograd.grad(case.loss(), case.weights)
    g = [x * (w.detach() != 0) for x, w in zip(g, case.weights)]
    gradient = torch.autograd.grad(case.loss(), case.weights, create_graph=True)
    z = sum((a * b).sum() for a, b in zip(g, gradient))
    hg = torch.autograd.grad(z, case.weights)
    return -(-flat(case.weights) * flat(hg))


def synflow(case):
    """All parameters absolute, biases none: R = 1' |W_L| ... |W_1| 1."""
    kept = [p.detach().clone() for p in case.trained]
    with torch.no_grad():
        for p in case.trained:
            p.abs_() if p.dim() > 1 else p.zero_()
    r = case.model(torch.ones_like(case.x[:1])).sum()
    gradient = torch.autograd.grad(r, case.weights)
    score = flat(case.weights) * flat(gradient)
    with torch.no_grad():
        for p, k in zip(case.trained, kept):
            p.copy_(k)
    part, exponent = torch.frexp(score)  # conservation makes scores equal: let them be
    return torch.ldexp((part * 2**32).round(), exponent - 32)


def lamp(case):
    """As the authors' code: ascending sort, what is left of the sum."""
    scores = []
    for w in case.weights:
        square, order = (w.detach().view(-1) ** 2).sort()
        before = torch.cat([torch.zeros(1), square.cumsum(0)[:-1]])
        score = torch.empty_like(square)
        score[order] = square / (square.sum() - before)
        scores.append(score)
    return torch.cat(scores)


SCORES = dict(magnitude=magnitude, snip=snip, taylor=taylor, grasp=grasp, synflow=synflow,
              lamp=lamp)


# Selection

def erk(case, density):
    """Densities of layers: RigL's get_mask_random sparsities, 'erdos_renyi_kernel'."""
    shapes = [list(w.shape) for w in case.weights]
    return rigl([s for s in shapes], density)


def rigl(shapes, density):
    dense = set()
    while True:
        divisor, rhs, raw = 0, 0, {}
        for i, shape in enumerate(shapes):
            n = math.prod(shape)
            if i in dense:
                rhs -= n * (1 - density)
            else:
                rhs += n * density
                raw[i] = sum(shape) / n
                divisor += raw[i] * n
        epsilon = rhs / divisor
        if max(raw.values()) * epsilon <= 1:
            return [1.0 if i in dense else epsilon * raw[i] for i in range(len(shapes))]
        dense |= {i for i in raw if raw[i] == max(raw.values())}


def keep_highest(score, keep, alive, gap):
    """Mask of the highest among alive ones."""
    score = score.clone()
    score[~alive] = -math.inf
    order = torch.argsort(score, descending=True, stable=True)
    if 0 < keep < int(alive.sum()):
        a, b = score[order[keep - 1]], score[order[keep]]
        assert a == b or a - b > gap * max(abs(a), abs(b)), f"too near: {a} and {b}"
    mask = torch.zeros(len(score), dtype=torch.bool)
    mask[order[:keep]] = True
    return mask


def settle(case, name, scope, density, rounds):
    """A density near this one where two neighbours among the scores are far apart."""
    n = sum(case.sizes())
    if name not in GAP or scope != "GLOBAL" or rounds > 1 or n < 1000:
        return density
    score = SCORES[name](case).sort(descending=True).values
    keep = round(density * n)
    near = range(keep - 50, keep + 50)
    return max(near, key=lambda k: float((score[k - 1] - score[k]) / score[k - 1].abs())) / n


def prune(case, name, scope, density, rounds):
    weights = case.weights
    kept = [w.detach().clone() for w in weights]
    n = sum(case.sizes())
    alive = torch.ones(n, dtype=torch.bool)
    pools = [n] if scope == "GLOBAL" else case.sizes()
    if scope == "ERK":
        goal = [d * s for d, s in zip(erk(case, density), pools)]
        goal = largest_remainders(goal, math.floor(density * n + 0.5))
    else:
        goal = [density * s for s in pools]
    for k in range(1, rounds + 1):
        score, offset = SCORES[name](case), 0
        masks = []
        for size, g in zip(pools, goal):
            keep = math.floor(size * (g / size) ** (k / rounds) + 0.5)
            part = slice(offset, offset + size)
            gap = GAP.get(name, 1e-10)
            masks.append(keep_highest(score[part], keep, alive[part], gap))
            offset += size
        alive = torch.cat(masks)
        with torch.no_grad():
            for w, k0, m in zip(weights, kept, alive.split(case.sizes())):
                w.copy_(k0 * m.view(w.shape))
    with torch.no_grad():
        for w, k0 in zip(weights, kept):
            w.copy_(k0)
    return alive


def largest_remainders(goal, total):
    keep = [math.floor(g) for g in goal]
    order = sorted(range(len(goal)), key=lambda i: keep[i] - goal[i])
    for i in order[:total - sum(keep)]:
        keep[i] += 1
    return keep


def units(case, scope, density):
    """Remove whole units by norm / root mean square of norms, until nearest to the density."""
    masks = [torch.ones_like(w) for w in case.weights]
    candidates = []
    for i, w in enumerate(case.weights[:-1]):
        norm = w.detach().flatten(1).norm(dim=1)
        norm = norm / (norm**2).mean().sqrt()
        place = norm.argsort().argsort()
        key = norm if scope == "GLOBAL" else (place + 0.5) / len(norm)
        candidates += [(float(key[u]), -i, -u) for u in range(len(norm))]
    target, best = density * sum(case.sizes()), None
    for key, i, u in [(None, None, None)] + sorted(candidates):
        if key is not None:
            masks[-i][-u] = 0
            next_mask = masks[-i + 1].flatten(1)
            wide = next_mask.shape[1] // masks[-i].shape[0]
            next_mask[:, -u * wide:(-u + 1) * wide] = 0
        mask = flat(masks) > 0
        distance = abs(int(mask.sum()) - target)
        if best is None or distance < best[0]:
            best = (distance, mask)
    return best[1]


def fnv(mask):
    h = 0xcbf29ce484222325
    for byte in mask.tolist():
        h = (h ^ int(byte)) * 0x100000001b3 % 2**64
    return h


def write_mask(case, kind, norm, name, scope, density, rounds, mask):
    counts = ", ".join(str(int(m.sum())) for m in mask.split(case.sizes()))
    bits = "NULL"
    if kind == "MLP":
        text = "".join(str(int(b)) for b in mask)
        bits = "\n     ".join(f'"{text[i:i + 88]}"' for i in range(0, len(text), 88))
    print(f'    {{PSI_{kind}, {int(norm)}, "{name}", PSI_{scope}, {density}, {rounds}, '
          f"{{{counts}}}, UINT64_C({fnv(mask):#x}),\n     {bits}}},")


CASES = [
    ("MLP", 0, [("magnitude", s, d, 1) for s in ("GLOBAL", "LAYER", "ERK") for d in (.5, .1)]
     + [(c, s, d, 1) for c in ("snip", "taylor", "grasp", "lamp")
        for s in ("GLOBAL", "LAYER", "ERK") for d in (.4, .1)]
     + [("synflow", "GLOBAL", d, r) for d in (.3, .05) for r in (1, 100)]
     + [("synflow", "LAYER", .2, 10), ("snip", "GLOBAL", .2, 3), ("grasp", "GLOBAL", .2, 3)]),
    ("LENET5", 0, [(c, "GLOBAL", d, 1) for c in ("magnitude", "snip", "grasp", "lamp", "taylor")
                   for d in (.2, .01)]
     + [("synflow", "GLOBAL", .01, 100), ("magnitude", "ERK", .1, 1)]),
    ("LENET5", 1, [("snip", "GLOBAL", .02, 1), ("grasp", "GLOBAL", .02, 1)]),
    ("LENET5_CLASSIC", 0, [(c, "GLOBAL", .05, 1) for c in ("snip", "grasp", "taylor", "lamp")]
     + [("synflow", "GLOBAL", .02, 100), ("lamp", "ERK", .3, 1)]),
    ("LENET5_CLASSIC", 1, [("grasp", "GLOBAL", .1, 1)]),
]


def write_masks():
    print("static const struct mask_case mask_cases[] = {")
    for kind, norm, rows in CASES:
        case = Case(kind, norm)
        for name, scope, density, rounds in rows:
            density = settle(case, name, scope, density, rounds)
            mask = prune(case, name, scope, density, rounds)
            write_mask(case, kind, norm, name, scope, density, rounds, mask)
        for scope in ("GLOBAL", "LAYER") if not norm else ():
            for density in (.6, .25, .05):
                mask = units(case, scope, density)
                write_mask(case, kind, norm, "unit-norm", scope, density, 1, mask)
    print("};\n")


def write_products():
    rows = []
    for kind, norm in (("MLP", 0), ("LENET5", 0), ("LENET5", 1), ("LENET5_CLASSIC", 0),
                       ("LENET5_CLASSIC", 1)):
        case = Case(kind, norm)
        gradient = torch.autograd.grad(case.loss(), case.trained, create_graph=True)
        total = sum(p.numel() for p in case.trained)
        v = torch.tensor([noise(7 * i + 3) for i in range(total)])
        z = (torch.cat([g.reshape(-1) for g in gradient]) * v).sum()
        product = flat(torch.autograd.grad(z, case.trained)).tolist()
        values = product[::7 if kind == "MLP" else STRIDE] + product[-60:]
        name = f"product_{kind.lower()}_{int(norm)}"
        print(f"static const double {name}[] = {{")
        for i in range(0, len(values), 4):
            print("    " + ", ".join(f"{x:.15e}" for x in values[i:i + 4]) + ",")
        print("};")
        rows.append(f"    {{PSI_{kind}, {int(norm)}, {total}, {7 if kind == 'MLP' else STRIDE}, "
                    f"sizeof {name} / sizeof *{name}, {name}}},")
    print("static const struct product_case product_cases[] = {")
    print("\n".join(rows) + "\n};\n")


def write_erk():
    models = {"LENET300": [(300, 784), (100, 300), (10, 100)],
              "LENET5": [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)],
              "CONV6": [(64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3),
                        (256, 128, 3, 3), (256, 256, 3, 3), (256, 4096), (256, 256), (10, 256)]}
    print("static const struct erk_case erk_cases[] = {")
    for name, shapes in models.items():
        for density in (.9, .5, .2, .1, .03, .01, .001):
            values = ", ".join(f"{d:.12g}" for d in rigl(shapes, density))
            print(f"    {{ERK_{name}, {density}, {{{values}}}}},")
    print("};")


print("/* Written by criteria_torch.py: do not edit. */\n/* clang-format off */")
write_masks()
write_products()
write_erk()
