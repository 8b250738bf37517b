#!/usr/bin/python3
"""Recomputes a whole sweep with NumPy alone, independently of the program: streams, initialisation,
masks, training in double precision, and every measured quantity by its definition.

    recompute.py make FOLDER       write the data (IDX) and the job file
    recompute.py check FOLDER      compare FOLDER/sweep.h5, made by psisweep run, with it

What follows from stored parameters must agree to rounding; what a training in float reached agrees
with one in double to a few samples.
"""
import gzip
import json
import pathlib
import sys

import numpy as np
from scipy import stats

SIDE, CLASSES, TRAIN, VALIDATION, TEST = 12, 6, 900, 200, 500
UNITS = [SIDE * SIDE, 40, 24, CLASSES]
SHAPES = list(zip(UNITS[1:], UNITS[:-1]))  # (rows, columns) of each matrix
OFFSETS = np.cumsum([0] + [r * c for r, c in SHAPES])
WEIGHTS = OFFSETS[-1]
BIASES = WEIGHTS + np.cumsum([0] + [r for r, _ in SHAPES])
SEEDS, DENSITIES = [0, 7], [1.0, 0.3, 0.1, 0.03]
TRAINING = dict(optimizer="adam", rate=0.005, schedule="cosine", batch=50, epochs=12)
RETRAINING = dict(optimizer="sgd", rate=0.01, schedule="step", warmup=0.5, step_epochs=1,
                  step_factor=0.1, weight_decay=0.01, batch=50, epochs=2)
ARMS = [("magnitude", "global"), ("magnitude", "layer"), ("random", "global"), ("random", "layer")]
MODES = 3  # spectra.modes, below the number of dominant modes of the first layer


# --- random streams: Philox4x32-10 under names (include/psisweep/random.h) ---

def fnv(state, data):
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    return state


def mix(state):
    state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) % 2**64
    state = ((state ^ state >> 27) * 0x94D049BB133111EB) % 2**64
    return state ^ state >> 31


START = 0xCBF29CE484222325


def words(name, count):
    state = fnv(fnv(START, bytes(8)), name.encode())  # job seed 0
    key, high = mix(state), mix(fnv(state, b"counter"))
    blocks = (count + 3) // 4
    low32 = np.uint64(2**32 - 1)
    shift = np.uint64(32)
    c = [np.arange(blocks, dtype=np.uint64), np.zeros(blocks, np.uint64),
         np.full(blocks, high % 2**32, np.uint64), np.full(blocks, high >> 32, np.uint64)]
    k0, k1 = key % 2**32, key >> 32
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> shift) ^ c[1] ^ np.uint64(k0), b & low32,
             (a >> shift) ^ c[3] ^ np.uint64(k1), a & low32]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack(c, 1).ravel()[:count]


def uniforms(name, count):
    pair = words(name, 2 * count).reshape(count, 2)
    return ((pair[:, 0] | pair[:, 1] << np.uint64(32)) >> np.uint64(11)).astype(float) * 2.0**-53


def normals(name, count):
    u = uniforms(name, count + count % 2).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(1 - u[:, 0])), 6.283185307179586 * u[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count]


class Shuffler:
    def __init__(self, name, count):
        self.word, self.at = words(name, count).tolist(), 0

    def below(self, bound):
        while True:
            product = self.word[self.at] * bound
            self.at += 1
            if product % 2**32 >= (2**32 - bound) % bound or product % 2**32 >= bound:
                return product >> 32

    def shuffle(self, items):
        for i in range(len(items), 1, -1):
            j = self.below(i)
            items[i - 1], items[j] = items[j], items[i - 1]


# --- data and job ---

def make(folder):
    draw = np.random.default_rng(1)
    prototype = draw.normal(size=(CLASSES, SIDE * SIDE)) * (draw.random(SIDE * SIDE) < 0.7)
    for part, count in (("train", TRAIN + VALIDATION), ("t10k", TEST)):
        label = draw.integers(0, CLASSES, count)
        pixel = 60 * prototype[label] + 90 * draw.normal(size=(count, SIDE * SIDE))
        pixel = np.clip(pixel, 0, 255).astype(np.uint8)
        sizes = b"".join(int(n).to_bytes(4, "big") for n in (count, SIDE, SIDE))
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(b"\0\0\x08\x03" + sizes + pixel.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + sizes[:4] + label.astype(np.uint8).tobytes())
    (folder / "job.yaml").write_text(json.dumps({
        "name": "recompute",
        "data": {"set": "idx", "path": str(folder), "validation": VALIDATION},
        "model": {"hidden": UNITS[1:-1]}, "train": TRAINING, "retrain": RETRAINING,
        "arms": [{"name": f"{c} {s}", "criterion": c, "scope": s} for c, s in ARMS],
        "grid": {"density": DENSITIES, "seeds": SEEDS}, "spectra": {"modes": MODES}}))


def read_idx(path):
    data = (gzip.open(path) if path.suffix == ".gz" else open(path, "rb")).read()
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


class Data:
    def __init__(self, folder):
        x = read_idx(folder / "train-images-idx3-ubyte.gz").reshape(-1, SIDE * SIDE).astype(float)
        y = read_idx(folder / "train-labels-idx1-ubyte").astype(int)
        xt = read_idx(folder / "t10k-images-idx3-ubyte.gz").reshape(-1, SIDE * SIDE).astype(float)
        mean, deviation = x[:TRAIN].mean(), x[:TRAIN].std()
        self.train = (x[:TRAIN] - mean) / deviation, y[:TRAIN]
        self.validation = (x[TRAIN:] - mean) / deviation, y[TRAIN:]
        self.test = (xt - mean) / deviation, read_idx(folder / "t10k-labels-idx1-ubyte").astype(int)


# --- network ---

def matrices(p):
    return [p[OFFSETS[i]:OFFSETS[i + 1]].reshape(SHAPES[i]) for i in range(3)]


def biases(p):
    return [p[BIASES[i]:BIASES[i + 1]] for i in range(3)]


def forward(p, x):
    layers = [x]
    for i, (w, b) in enumerate(zip(matrices(p), biases(p))):
        z = layers[-1] @ w.T + b
        layers.append(np.maximum(z, 0) if i < 2 else z)
    return layers


def score(p, split):
    x, y = split
    z = forward(p, x)[-1]
    z = z - z.max(1, keepdims=True)
    loss = np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]
    return (z.argmax(1) == y).mean(), loss.mean(), len(set(z.argmax(1)))


def gradient(p, x, y):
    layers, w = forward(p, x), matrices(p)
    g = np.zeros_like(p)
    gw, gb = matrices(g), biases(g)
    e = np.exp(layers[-1] - layers[-1].max(1, keepdims=True))
    d = e / e.sum(1, keepdims=True)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    for i in (2, 1, 0):
        gw[i][:], gb[i][:] = d.T @ layers[i], d.sum(0)
        d = (d @ w[i]) * (layers[i] > 0)
    return g


def rate(spec, steps, t):
    warmup = round(spec.get("warmup", 0) * steps)
    if t < warmup:
        return spec["rate"] * (t + 1) / warmup
    if spec["schedule"] == "cosine":
        share = (t - warmup) / (spec["epochs"] * steps - warmup)
        return spec["rate"] * 0.5 * (1 + np.cos(np.pi * share))
    return spec["rate"] * spec["step_factor"] ** ((t - warmup) // (spec["step_epochs"] * steps))


def train(p, spec, name, data, mask=None):
    keep = np.ones(len(p))
    if mask is not None:
        keep[:WEIGHTS] = mask
    p, m, v = p * keep, np.zeros(len(p)), np.zeros(len(p))
    batch, steps = spec["batch"], TRAIN // spec["batch"]
    curve, t = [score(p, data.validation)[0]], 0
    for epoch in range(spec["epochs"]):
        order = list(range(TRAIN))
        Shuffler(f"{name}/epoch={epoch}", 2 * TRAIN).shuffle(order)
        for s in range(steps):
            at = order[s * batch:(s + 1) * batch]
            g = gradient(p, data.train[0][at], data.train[1][at])
            g = (g + spec.get("weight_decay", 0) * p) * keep
            lr = rate(spec, steps, t)
            t += 1
            if spec["optimizer"] == "adam":
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
                p = p - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            else:
                m = 0.9 * m + g
                p = p - lr * m
        curve.append(score(p, data.validation)[0])
    return p, np.array(curve)


# --- definitions ---

def psi(accuracy, dense, chance, samples):
    if stats.binom.sf(round(dense * samples) - 1, samples, chance) > 0.01:
        return np.nan
    return (accuracy - chance) / (dense - chance)


def chance(split):
    return np.bincount(split[1]).max() / len(split[1])


def paths(mask):
    m = [mask[OFFSETS[i]:OFFSETS[i + 1]].reshape(SHAPES[i]) > 0 for i in range(3)]
    reached, useful = [np.ones(UNITS[0], bool)], [np.ones(CLASSES, bool)]
    for w in m:
        reached.append((w & reached[-1]).any(1))
    for w in m[::-1]:
        useful.insert(0, (w & useful[0][:, None]).any(0))
    on_path = sum((m[i] & reached[i] & useful[i + 1][:, None]).sum() for i in range(3))
    return on_path, (~reached[3]).sum()


def ranks(sigma):
    energy = sigma**2
    if energy.sum() == 0:
        return 0.0, 0.0
    share = energy[energy > 0] / energy.sum()
    return energy.sum() / energy[0], np.exp(-(share * np.log(share)).sum())


class Checker:
    def __init__(self, file):
        self.file, self.worst, self.bad = file, {}, []

    def same(self, name, at, expected, tolerance=1e-9, what=None):
        found = np.asarray(self.file[name][at], float)
        expected = np.asarray(expected, float)
        nan = np.isnan(found), np.isnan(expected)
        gap = np.inf if (nan[0] != nan[1]).any() else np.max(
            np.abs(found - expected)[~nan[0]], initial=0)
        label = what or name
        self.worst[label] = max(self.worst.get(label, 0), gap)
        if gap > tolerance:
            self.bad.append(f"{label}{at}: found {found}, expected {expected}")


def padded(sigma, length):
    return np.concatenate([sigma, np.full(length - len(sigma), np.nan)])


def check_parent(c, data, s, seed):
    """The seed's parent: (parameters, decompositions, accuracies, k)."""
    at, modes = (s,), c.file["mode"].shape[0]
    start = np.zeros(BIASES[-1])
    z = normals(f"initialise/seed={seed}", WEIGHTS)
    for i, (rows, cols) in enumerate(SHAPES):
        start[OFFSETS[i]:OFFSETS[i + 1]] = np.sqrt(2 / (rows + cols)) * z[OFFSETS[i]:OFFSETS[i + 1]]
    trained, curve = train(start.astype(np.float32).astype(float), TRAINING, f"train/seed={seed}",
                           data)
    c.same("dense_parameter", at, trained, 2e-3)
    c.same("dense_curve", at, curve, 2.5 / VALIDATION)
    p = c.file["dense_parameter"][s].astype(float)
    accuracy, loss, classes = score(p, data.test)
    c.same("dense_accuracy", at, accuracy)
    c.same("dense_loss", at, loss, 1e-5)
    c.same("dense_predicted_classes", at, classes)
    validation = score(p, data.validation)[0]
    c.same("dense_validation_accuracy", at, validation)
    decomposed, k = [], []
    for i, w in enumerate(matrices(p)):
        u, sigma, vt = np.linalg.svd(w, full_matrices=False)
        flat, top = w.ravel().tolist(), []
        stream = Shuffler(f"permutation/seed={seed}/layer=dense{i + 1}", 110 * len(flat) + 100)
        for _ in range(99):
            stream.shuffle(flat)
            top.append(np.linalg.norm(np.array(flat).reshape(w.shape), 2))
        stable, effective = ranks(sigma)
        c.same("dense_singular_value", (s, i), padded(sigma, modes))
        c.same("dense_stable_rank", (s, i), stable)
        c.same("dense_effective_rank", (s, i), effective)
        c.same("permutation_edge", (s, i), max(top))
        c.same("marchenko_pastur_edge", (s, i), w.std() * sum(np.sqrt(w.shape)))
        k.append(int((sigma > max(top)).sum()))
        c.same("dominant_modes", (s, i), k[-1])
        decomposed.append((u, sigma, vt))
    return p, decomposed, accuracy, validation, k


def check_spectra(c, at, p, decomposed, k):
    modes, network = c.file["mode"].shape[0], {"overlap": [], "overlap_fixed": []}
    for i, w in enumerate(matrices(p)):
        u, sigma, vt = np.linalg.svd(w, full_matrices=False)
        stable, effective = ranks(sigma)
        c.same("singular_value", (*at, 0, i), padded(sigma, modes))
        c.same("stable_rank", (*at, 0, i), stable)
        c.same("effective_rank", (*at, 0, i), effective, 1e-7)
        rank = np.linalg.matrix_rank(w)
        du, dsigma, dvt = decomposed[i]
        used = min(k[i], MODES)
        for name, n in (("overlap", used), ("overlap_fixed", 5)):
            overlap = np.nan
            if n > 0:
                have = min(n, rank)
                left = ((du[:, :n].T @ u[:, :have])**2).sum() / n
                overlap = np.sqrt(left * ((dvt[:n] @ vt[:have].T)**2).sum() / n)
                if min(w.shape) >= 2 * n:
                    by_chance = np.sqrt(n / w.shape[0] * n / w.shape[1])
                    network[name].append((overlap - by_chance) / (1 - by_chance))
            c.same(name, (*at, 0, i), overlap, 1e-6)
        energy = np.nan
        if used > 0:
            kept = ((du[:, :used].T @ w @ dvt[:used].T)**2).sum()
            energy = kept / (dsigma[:used]**2).sum()
        c.same("energy", (*at, 0, i), energy)
    for name, values in network.items():
        c.same(f"{name}_network", (*at, 0), np.mean(values) if values else np.nan, 1e-6)


def check_cell(c, data, at, key, parent):
    p, decomposed, dense, validation, k = parent
    criterion, scope = ARMS[at[0]]
    density = DENSITIES[at[2]]
    scores = np.abs(p[:WEIGHTS]) if criterion == "magnitude" else uniforms(f"mask/{key}", WEIGHTS)
    pools = [(0, WEIGHTS)] if scope == "global" else list(zip(OFFSETS[:-1], OFFSETS[1:]))
    mask = np.zeros(WEIGHTS, np.uint8)
    for low, high in pools:
        keep = int(np.floor(density * (high - low) + 0.5))
        mask[low + np.argsort(-scores[low:high], kind="stable")[:keep]] = 1
    if mix(fnv(START, mask.tobytes())) != int(c.file["mask_digest"][at]):
        c.bad.append(f"mask_digest{at}")
    on_path, unreachable = paths(mask)
    c.same("weights_kept", at, mask.sum())
    c.same("density_achieved", at, mask.mean())
    c.same("density_effective", at, on_path / WEIGHTS)
    c.same("unreachable_classes", at, unreachable)
    c.same("layer_density", at, [mask[a:b].mean() for a, b in zip(OFFSETS[:-1], OFFSETS[1:])])
    pruned = p.copy()
    pruned[:WEIGHTS] *= mask
    accuracy, loss, classes = score(pruned, data.test)
    c.same("accuracy", (*at, 0), accuracy)
    c.same("loss", (*at, 0), loss, 1e-4)
    c.same("predicted_classes", (*at, 0), classes)
    for stage in (0, 1):
        found = c.file["accuracy"][(*at, stage)]
        c.same("psi", (*at, stage), psi(found, dense, chance(data.test), TEST))
    curve = c.file["validation_curve"][at]
    c.same("psi_curve", at, [psi(a, validation, chance(data.validation), VALIDATION)
                             for a in curve])
    c.same("validation_curve", (*at, 0), score(pruned, data.validation)[0], what="curve, point 0")
    check_spectra(c, at, pruned, decomposed, k)
    retrained, curve = train(p, RETRAINING, f"retrain/{key}", data, mask)
    accuracy, loss, _ = score(retrained, data.test)
    c.same("accuracy", (*at, 1), accuracy, 2.5 / TEST, what="accuracy, retrained")
    c.same("loss", (*at, 1), loss, 2e-3, what="loss, retrained")
    c.same("validation_curve", (*at, slice(0, 3)), curve, 2.5 / VALIDATION, what="curve")
    for i, w in enumerate(matrices(retrained)):
        sigma = np.linalg.svd(w, compute_uv=False)
        c.same("singular_value", (*at, 1, i, slice(0, len(sigma))), sigma, 2e-3,
               what="singular_value, retrained")


def check(folder):
    import h5py
    data, c = Data(folder), Checker(h5py.File(folder / "sweep.h5"))
    if abs(c.file.attrs["chance_accuracy"] - chance(data.test)) > 1e-12:
        c.bad.append("chance_accuracy")
    for s, seed in enumerate(SEEDS):
        parent = check_parent(c, data, s, seed)
        for a, (criterion, scope) in enumerate(ARMS):
            for d, density in enumerate(DENSITIES):
                key = f"arm={criterion} {scope}/seed={seed}/density={density:.9g}"
                check_cell(c, data, (a, s, d), key, parent)
    for name, gap in sorted(c.worst.items()):
        print(f"{name:28s} {gap:.2g}")
    print("\n".join(c.bad[:20]))
    sys.exit(1 if c.bad else 0)


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
