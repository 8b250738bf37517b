"""Write trajectory_conv_torch.h: training trajectories of convolutional networks on small images in
PyTorch (float64).

    python3 tests/ref/trajectory_conv_torch.py > tests/ref/trajectory_conv_torch.h

Weights, pixels, labels and batches come from formulas that tests/test_conv_torch.c repeats. Of the
final parameters (weights, then biases or gains and shifts, then running statistics) some evenly
spaced ones are kept, and the last ones. Evaluation is the loss of the last batch afterwards.
"""
import torch
from torch import nn

SAMPLES, STEPS, CLASSES = 24, 12, 4
MEAN, DEVIATION = 120.0, 70.0
torch.set_default_dtype(torch.float64)


def noise(i):
    """In [-1, 1)."""
    return (i * 2654435761 % 2**32) / 2**31 - 1


def relu_conv(norm, *sizes, **options):
    norms = [nn.BatchNorm2d(sizes[1])] if norm else []
    return [nn.Conv2d(*sizes, bias=not norm, **options), *norms, nn.ReLU()]


def dense(*sizes):
    layers = [nn.Flatten()]
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return layers[:-1]


def lenet5(norm):
    return (relu_conv(norm, 1, 20, 5) + [nn.MaxPool2d(2)] + relu_conv(norm, 20, 50, 5)
            + [nn.MaxPool2d(2)] + dense(50, 500, CLASSES))


def lenet5_classic(norm):
    return (relu_conv(norm, 2, 6, 5, padding=2) + [nn.AvgPool2d(2)] + relu_conv(norm, 6, 16, 5)
            + [nn.AvgPool2d(2)] + dense(16, 120, 84, CLASSES))


def pairs(norm, *maps):
    layers = []
    for a, b in zip(maps, maps[1:]):
        layers += relu_conv(norm, a, b, 3, padding=1) + relu_conv(norm, b, b, 3, padding=1)
        layers.append(nn.MaxPool2d(2))
    return layers


def conv2(norm):
    return pairs(norm, 3, 64) + dense(64 * 3 * 2, 256, 256, CLASSES)


def conv4(norm):
    return pairs(norm, 3, 64, 128) + dense(128, 256, 256, CLASSES)


def conv6(norm):
    return pairs(norm, 3, 64, 128, 256) + dense(256, 256, 256, CLASSES)


def run(name, layers, norm, image, batch=8, stride=97):
    pixels = image[0] * image[1] * image[2]
    pixel = [[(37 * s + 91 * f + 13 * s * f + f * f) % 256 for f in range(pixels)]
             for s in range(SAMPLES)]
    x = ((torch.tensor(pixel, dtype=torch.float64) - MEAN) / DEVIATION).view(-1, *image)
    label = torch.tensor([(7 * s + s * s // 3) % CLASSES for s in range(SAMPLES)])
    model = nn.Sequential(*layers(norm))
    parts = list(model)
    weights = [m.weight for m in parts if isinstance(m, (nn.Conv2d, nn.Linear))]
    rest, states = [], []
    for m in parts:
        if isinstance(m, nn.BatchNorm2d):
            rest += [m.weight, m.bias]
            states += [m.running_mean, m.running_var]
        elif isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
            rest.append(m.bias)
    at = 0
    with torch.no_grad():
        for w in weights:
            scale = (6 / w[0].numel()) ** 0.5
            values = [scale * noise(i) for i in range(at, at + w.numel())]
            w.copy_(torch.tensor(values).view_as(w))
            at += w.numel()
        for p in rest:  # gains near 1, all else near 0
            gain = any(p is m.weight for m in parts if isinstance(m, nn.BatchNorm2d))
            values = [gain + 0.1 * noise(i) for i in range(at, at + p.numel())]
            p.copy_(torch.tensor(values).view_as(p))
            at += p.numel()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.9, weight_decay=0.01)
    losses = []
    for t in range(STEPS):
        index = [(batch * t + 3 * b) % SAMPLES for b in range(batch)]
        loss = nn.functional.cross_entropy(model(x[index]), label[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    losses.append(nn.functional.cross_entropy(model(x[index]), label[index]).item())
    final = torch.cat([p.detach().flatten() for p in weights + rest + states])
    sizes = {"parameters": len(final), "batch": batch, "stride": stride}
    print("enum { " + ", ".join(f"{name}_{size} = {value}" for size, value in sizes.items()) + " };")
    kept = torch.cat([final[::stride], final[-40:]]).tolist()
    for what, values in ("loss", losses), ("final", kept):
        print(f"static const double {name}_{what}[{len(values)}] = {{")
        for i in range(0, len(values), 6):
            print("    " + " ".join(f"{v:.9g}," for v in values[i:i + 6]))
        print("};")


print(f"/* Written by trajectory_conv_torch.py with PyTorch {torch.__version__}. */")
run("lenet5", lenet5, False, (1, 16, 16))
run("lenet5_norm", lenet5, True, (1, 16, 16))
run("classic", lenet5_classic, False, (2, 12, 13))
run("conv2", conv2, False, (3, 6, 5))
run("conv2_norm", conv2, True, (3, 6, 5))
# in batches that Winograd's way is taken for
run("conv4", conv4, False, (3, 5, 7), 16, 2999)
run("conv4_norm", conv4, True, (3, 5, 7), 16, 2999)
run("conv6", conv6, False, (3, 9, 8), 16, 9973)
run("conv6_norm", conv6, True, (3, 9, 8), 16, 9973)
