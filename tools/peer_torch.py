"""The peer of tools/bench.c: the same training in PyTorch, as its users write it.

Tensors are loaded, converted and normalised once; a step indexes them by a permuted batch. One
thread. Commands and answers as in bench.c (run N, score, load F, prune S); pruning multiplies the
weights by their mask after each step.
"""
import gzip
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


def load(folder, part):
    images = idx(f"{folder}/{part}-images-idx3-ubyte.gz").reshape(-1, 784)
    labels = idx(f"{folder}/{part}-labels-idx1-ubyte.gz")
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def main(folder):
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    x, y = load(folder, "train")
    x_test, y_test = load(folder, "t10k")
    mean, deviation = x.mean(), x.std()
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 300), torch.nn.ReLU(),
        torch.nn.Linear(300, 100), torch.nn.ReLU(),
        torch.nn.Linear(100, 10))
    for layer in model[::2]:
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        torch.nn.init.zeros_(layer.bias)
    criterion = torch.nn.CrossEntropyLoss()
    weights = [layer.weight for layer in model[::2]]
    biases = [layer.bias for layer in model[::2]]
    sgd = lambda: torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    optimizer, masks, parent = sgd(), None, None

    def batches():
        while True:
            order = torch.randperm(len(x))
            for i in range(0, len(x) - BATCH + 1, BATCH):
                yield order[i:i + BATCH]

    def set_parameters(flat):
        at = 0
        with torch.no_grad():
            for p in weights + biases:
                p.copy_(torch.from_numpy(flat[at:at + p.numel()].copy()).reshape(p.shape))
                at += p.numel()

    def global_masks(sparsity):
        """The largest weights of all layers; exactly round(density * n) of them."""
        size = torch.cat([w.detach().abs().flatten() for w in weights])
        keep = int((1 - sparsity) * len(size) + 0.5)
        flat = torch.zeros(len(size))
        flat[size.argsort(descending=True, stable=True)[:keep]] = 1
        return [m.reshape(w.shape) for m, w in zip(flat.split([w.numel() for w in weights]), weights)]

    source = batches()
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "run":
            start = time.monotonic()
            for _ in range(int(words[1])):
                index = next(source)
                optimizer.zero_grad(set_to_none=True)
                loss = criterion(model(x[index]), y[index])
                loss.backward()
                optimizer.step()
                if masks:
                    with torch.no_grad():
                        for w, m in zip(weights, masks):
                            w.mul_(m)
            print(f"{time.monotonic() - start:.9f} {loss.item():.6f}", flush=True)
        elif words[0] == "score":
            with torch.no_grad():
                logits = model(x_test)
            accuracy = (logits.argmax(1) == y_test).double().mean().item()
            print(f"{accuracy:.4f} {criterion(logits, y_test).item():.4f}", flush=True)
        elif words[0] == "load":
            parent = numpy.fromfile(words[1], numpy.float32)
            set_parameters(parent)
            print(len(parent), flush=True)
        elif words[0] == "prune":
            set_parameters(parent)
            sparsity = float(words[1])
            masks = global_masks(sparsity) if sparsity > 0 else None
            with torch.no_grad():
                for w, m in zip(weights, masks or []):
                    w.mul_(m)
            optimizer = sgd()
            print(int(sum(m.sum() for m in masks)) if masks else 266200, flush=True)


main(sys.argv[1])
