"""The peer of tools/bench.c: the same training in PyTorch, as its users write it.

Tensors are loaded, converted and normalised once; a step indexes them by a permuted batch. One
thread. Commands and answers as in bench.c (run N, losses N, score, load F, prune S); pruning
multiplies the weights by their mask after each step. tools/bench_grid.py trains with what is here.
"""
import gzip
import os
import sys
import time

import numpy
import torch

BATCH = 60


def idx(path):
    with gzip.open(path) as file:
        data = file.read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def load_mnist(folder, part):
    images = idx(f"{folder}/{part}-images-idx3-ubyte.gz")[:, None]
    labels = idx(f"{folder}/{part}-labels-idx1-ubyte.gz")
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def load_cifar(folder, part):
    """The first 10,000 train images and the first 1,000 test images."""
    names = ["data_batch_1.bin"] if part == "train" else ["test_batch.bin", "test_batch_first_1000.bin"]
    name = next(name for name in names if os.path.exists(f"{folder}/{name}"))
    rows = numpy.fromfile(f"{folder}/{name}", numpy.uint8).reshape(-1, 3073)
    rows = rows[:10000 if part == "train" else 1000]
    images = torch.tensor(rows[:, 1:].reshape(-1, 3, 32, 32), dtype=torch.float32)
    return images, torch.tensor(rows[:, 0], dtype=torch.int64)


def conv(*sizes, **options):
    return [torch.nn.Conv2d(*sizes, **options), torch.nn.ReLU()]


def dense(*sizes):
    layers = [torch.nn.Flatten()]
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return layers[:-1]


# name: (layers, rate of the step benchmark)
MODELS = {
    "mlp": (lambda: dense(784, 300, 100, 10), 0.02),
    "lenet5": (lambda: conv(1, 20, 5) + [torch.nn.MaxPool2d(2)] + conv(20, 50, 5)
               + [torch.nn.MaxPool2d(2)] + dense(800, 500, 10), 0.01),
    "conv2": (lambda: conv(3, 64, 3, padding=1) + conv(64, 64, 3, padding=1)
              + [torch.nn.MaxPool2d(2)] + dense(16384, 256, 256, 10), 0.01),
}
MODELS["full"] = MODELS["mlp"]  # on images without a zero pixel


def load(name, folder, train=0, test=0, validation=0):
    """Splits train, test, validation (the last ones of the training samples), normalised by the
    first. train, test: the first so many samples, 0 = all."""
    read = load_cifar if name == "conv2" else load_mnist
    (x, y), (x_test, y_test) = read(folder, "train"), read(folder, "t10k")
    x, y, x_test, y_test = x[:train or None], y[:train or None], x_test[:test or None], y_test[:test or None]
    end = len(x) - validation
    mean, deviation = x[:end].mean((0, 2, 3), keepdim=True), x[:end].std((0, 2, 3), keepdim=True)
    if name == "full":
        x, x_test = x.clamp(min=1), x_test.clamp(min=1)
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    return (x[:end], y[:end]), (x_test, y_test), (x[end:], y[end:])


def build(name, init="he"):
    """The model, its weights and its biases. Normal weights as the job files' model.init has them."""
    model = torch.nn.Sequential(*MODELS[name][0]())
    parts = [layer for layer in model if hasattr(layer, "weight")]
    for layer in parts:
        if init == "he":
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        else:
            torch.nn.init.xavier_normal_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return model, [layer.weight for layer in parts], [layer.bias for layer in parts]


def largest(flat, density):
    """Exactly round(density * n) ones, at the largest."""
    ones = torch.zeros(len(flat))
    ones[flat.argsort(descending=True, stable=True)[:int(density * len(flat) + 0.5)]] = 1
    return ones


def make_masks(weights, density, in_layer=False):
    """By magnitude, a share of each layer or of all together."""
    sizes = [w.detach().abs().flatten() for w in weights]
    if in_layer:
        flat = [largest(size, density) for size in sizes]
    else:
        flat = largest(torch.cat(sizes), density).split([len(size) for size in sizes])
    return [m.reshape(w.shape) for m, w in zip(flat, weights)]


def apply_masks(weights, masks):
    with torch.no_grad():
        for w, m in zip(weights, masks):
            w.mul_(m)


def single_thread():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def main(name, folder):
    single_thread()
    torch.manual_seed(1)
    (x, y), (x_test, y_test), _ = load(name, folder)
    model, weights, biases = build(name)
    criterion = torch.nn.CrossEntropyLoss()
    sgd = lambda: torch.optim.SGD(model.parameters(), lr=MODELS[name][1], momentum=0.9)
    optimizer, masks, parent = sgd(), None, None

    def shuffled():
        while True:
            order = torch.randperm(len(x))
            for i in range(0, len(x) - BATCH + 1, BATCH):
                yield order[i:i + BATCH]

    def step(index):
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(x[index]), y[index])
        loss.backward()
        optimizer.step()
        if masks:
            apply_masks(weights, masks)
        return loss

    def set_parameters(flat):
        at = 0
        with torch.no_grad():
            for p in weights + biases:
                p.copy_(torch.from_numpy(flat[at:at + p.numel()].copy()).reshape(p.shape))
                at += p.numel()

    batches = shuffled()
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "run":
            start = time.monotonic()
            for _ in range(int(words[1])):
                loss = step(next(batches))
            print(f"{time.monotonic() - start:.9f} {loss.item():.6f}", flush=True)
        elif words[0] == "losses":
            first = torch.arange(BATCH)
            print(*[f"{step(first + BATCH * t).item():.9g}" for t in range(int(words[1]))], flush=True)
        elif words[0] == "score":
            with torch.no_grad():
                logits = torch.cat([model(part) for part in x_test.split(500)])
            accuracy = (logits.argmax(1) == y_test).double().mean().item()
            print(f"{accuracy:.4f} {criterion(logits, y_test).item():.4f}", flush=True)
        elif words[0] == "load":
            parent = numpy.fromfile(words[1], numpy.float32)
            set_parameters(parent)
            print(len(parent), flush=True)
        elif words[0] == "prune":
            set_parameters(parent)
            sparsity = float(words[1])
            masks = make_masks(weights, 1 - sparsity, "layer" in words) if sparsity > 0 else None
            apply_masks(weights, masks or [])
            optimizer = sgd()
            kept = sum(m.sum() for m in masks) if masks else sum(w.numel() for w in weights)
            print(int(kept), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
