"""Write trajectory_torch.h: training trajectories of a small network in PyTorch (float64).

    python3 tests/ref/trajectory_torch.py > tests/ref/trajectory_torch.h

Weights, pixels, labels, batches and mask come from formulas that tests/test_train_torch.c repeats,
so no random numbers need to be shared.
"""
import math

import torch

FEATURES, HIDDEN, CLASSES = 12, (10, 8), 4
SAMPLES, BATCH, STEPS = 40, 8, 25
MEAN, DEVIATION = 120.0, 70.0
torch.set_default_dtype(torch.float64)

pixel = [[(37 * s + 91 * f + 13 * s * f) % 256 for f in range(FEATURES)] for s in range(SAMPLES)]
label = torch.tensor([(7 * s + s * s // 3) % CLASSES for s in range(SAMPLES)])
x = (torch.tensor(pixel, dtype=torch.float64) - MEAN) / DEVIATION


def build():
    sizes = (FEATURES, *HIDDEN, CLASSES)
    linear = [torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
    at = 0
    with torch.no_grad():
        for parameter in [m.weight for m in linear] + [m.bias for m in linear]:
            n = parameter.numel()
            values = [0.4 * math.sin(1.7 * i + 0.3) for i in range(at, at + n)]
            parameter.copy_(torch.tensor(values).view_as(parameter))
            at += n
    steps = [linear[0], torch.nn.ReLU(), linear[1], torch.nn.ReLU(), linear[2]]
    return torch.nn.Sequential(*steps), linear


def masks(linear):
    at, result = 0, []
    for m in linear:
        n = m.weight.numel()
        bits = [float((7 * i + i // 10) % 10 < 6) for i in range(at, at + n)]
        result.append(torch.tensor(bits).view_as(m.weight))
        at += n
    return result


def run(name, make, schedule, masked):
    model, linear = build()
    mask = masks(linear) if masked else []
    optimizer = make(model.parameters())
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS) if schedule else None

    def prune():
        with torch.no_grad():
            for m, keep in zip(linear, mask):
                m.weight.mul_(keep)
                for value in optimizer.state[m.weight].values():
                    if torch.is_tensor(value) and value.shape == keep.shape:
                        value.mul_(keep)

    prune()
    losses = []
    for t in range(STEPS):
        index = [(BATCH * t + 3 * b) % SAMPLES for b in range(BATCH)]
        loss = torch.nn.functional.cross_entropy(model(x[index]), label[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if rate:
            rate.step()
        prune()
        losses.append(loss.item())
    final = [m.weight for m in linear] + [m.bias for m in linear]
    final = torch.cat([p.detach().flatten() for p in final]).tolist()
    for what, values in ("loss", losses), ("final", final):
        print(f"static const double {name}_{what}[{len(values)}] = {{")
        for i in range(0, len(values), 6):
            print("    " + " ".join(f"{v:.9g}," for v in values[i:i + 6]))
        print("};")


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01, weight_decay=0.001)


print(f"/* Written by trajectory_torch.py with PyTorch {torch.__version__}. */")
run("sgd_dense", sgd, False, False)
run("sgd_masked", sgd, False, True)
run("adam_dense", adam, True, False)
run("adam_masked", adam, True, True)
