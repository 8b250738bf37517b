#!/usr/bin/python3
"""Race a whole sweep, in core-seconds: psisweep on one rank against masked PyTorch as its users write
it, one thread, with the dense parent of a seed shared by all of its densities.

    tools/bench_grid.py [JOB.yaml] [--set KEY=VALUE]... [--seeds 0 1] [--peer-densities 6] [--dense]

Ours is the program itself on the job's first arm: start, reading, parents, cells, spectra,
evaluation and results file, the processor time of its process. PyTorch's is processor time too:
tensors are preloaded; a parent is trained, each density prunes a copy of it, trains on (permuted
batches, step, mask), and is evaluated as ours is, by the same hyper-parameters, optimiser and
schedule. It is given with and without the singular values that ours has in it (of every matrix,
pruned and retrained, and of the parent with 99 shuffles for its edge).

The subset: some seeds of ours with all densities, and PyTorch's with densities spread evenly over
the grid, whose cost hardly depends on them. The two take turns, seed by seed. With --dense the
accuracies of dense parents alone are compared: PyTorch trains nothing else and decomposes nothing,
ours one epoch of the last density.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy
import torch
import yaml

import peer_torch as peer

here = pathlib.Path(__file__).resolve().parent
PROGRAM = here.parent / "build/psisweep"
SHUFFLES = 99  # of a parent's permutation edge
PEER_MODELS = ("mlp", "lenet5", "conv2")


def read_job(option):
    sets = [word for text in option.set for word in ("--set", text)]
    text = subprocess.run([PROGRAM, "run", option.job, *sets, "--print-config"], text=True,
                          check=True, stdout=subprocess.PIPE).stdout
    job = yaml.safe_load(text)
    job["arms"] = job["arms"][:1]
    arm = job["arms"][0]
    model = job["model"]
    if arm["criterion"] != "magnitude" or model["batchnorm"] or model["kind"] not in PEER_MODELS:
        sys.exit(f"bench_grid.py: {option.job}: magnitude, no batchnorm, and one of "
                 f"{', '.join(PEER_MODELS)} expected")
    return job


def run_ours(job, seed, folder):
    """One seed, every density: core-seconds, and what the file says of parent and cells, whose clock
    is the wall's."""
    path, results = f"{folder}/{seed}.yaml", f"{folder}/{seed}.h5"
    with open(path, "w") as file:
        yaml.safe_dump(dict(job, grid={"density": job["grid"]["density"], "seeds": [seed]}), file)
    start = time.monotonic()
    process = subprocess.Popen([PROGRAM, "run", path, "-q", "-o", results], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    total = usage.ru_utime + usage.ru_stime
    share = total / (time.monotonic() - start)  # of a core, on a machine that others use too
    if status:
        sys.exit(f"bench_grid.py: psisweep ended with {os.waitstatus_to_exitcode(status)}")
    with h5py.File(results) as file:
        return {"total": total,
                "parent": float(file["dense_seconds"][0]) * share, "cells": file["seconds"][0, 0] * share,
                "dense": float(file["dense_accuracy"][0]),
                "accuracy": file["accuracy"][0, 0, :, 1]}


def make_optimizer(model, spec, steps):
    if spec["optimizer"] == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=spec["rate"], eps=float(spec["epsilon"]),
                                     betas=(spec["beta1"], spec["beta2"]), weight_decay=spec["weight_decay"])
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=spec["rate"], momentum=spec["momentum"],
                                    weight_decay=spec["weight_decay"])
    if spec["schedule"] == "cosine":
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return optimizer, None


def score(model, split):
    x, y = split
    with torch.no_grad():
        logits = torch.cat([model(part) for part in x.split(500)])
    torch.nn.functional.cross_entropy(logits, y)
    return (logits.argmax(1) == y).double().mean().item()


def train(model, weights, masks, spec, data):
    (x, y), _, validation = data
    batch = spec["batch"]
    steps = len(x) // batch
    optimizer, schedule = make_optimizer(model, spec, steps * spec["epochs"])
    criterion = torch.nn.CrossEntropyLoss()
    score(model, validation)
    for _ in range(spec["epochs"]):
        order = torch.randperm(len(x))
        for i in range(0, steps * batch, batch):
            index = order[i:i + batch]
            optimizer.zero_grad(set_to_none=True)
            criterion(model(x[index]), y[index]).backward()
            optimizer.step()
            if schedule:
                schedule.step()
            if masks:
                peer.apply_masks(weights, masks)
        score(model, validation)


def matrices(weights):
    return [w.detach().flatten(1) for w in weights]


class Clock:
    """Processor time by what it was spent on."""

    def __init__(self):
        self.spent = {"train": 0.0, "spectra": 0.0}

    def measure(self, what, function, *arguments):
        start = time.process_time()
        result = function(*arguments)
        self.spent[what] += time.process_time() - start
        return result


def parent_spectra(weights):
    for w in matrices(weights):
        torch.linalg.svd(w, full_matrices=False)
        for _ in range(SHUFFLES):
            torch.linalg.svdvals(w.flatten()[torch.randperm(w.numel())].reshape(w.shape))


def cell_spectra(weights):
    for w in matrices(weights):
        torch.linalg.svd(w, full_matrices=False)


def run_peer(job, seed, densities, data, is_dense):
    torch.manual_seed(seed)
    clock, kind = Clock(), job["model"]["kind"]
    model, weights, _ = peer.build(kind, job["model"]["init"])

    def dense():
        train(model, weights, None, job["train"], data)
        return score(model, data[1])

    result = {"dense": clock.measure("train", dense), "accuracy": {}, "cells": []}
    if is_dense:
        return result
    clock.measure("spectra", parent_spectra, weights)
    result["parent"] = clock.spent
    parent = {name: value.clone() for name, value in model.state_dict().items()}
    for density in densities:
        clock = Clock()

        def prune():
            model.load_state_dict(parent)
            masks = peer.make_masks(weights, density, job["arms"][0]["scope"] == "layer")
            peer.apply_masks(weights, masks)
            score(model, data[1])
            return masks

        def retrain():
            train(model, weights, masks, job["retrain"], data)
            return score(model, data[1])

        masks = clock.measure("train", prune)
        clock.measure("spectra", cell_spectra, weights)
        result["accuracy"][density] = clock.measure("train", retrain)
        clock.measure("spectra", cell_spectra, weights)
        result["cells"].append(clock.spent)
    return result


def spread(values):
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    return f"{statistics.mean(values):.4f} (sd {deviation:.4f}, {len(values)} seeds)"


def report_dense(ours, theirs):
    print(f"accuracy, dense: ours {spread([o['dense'] for o in ours])}, "
          f"PyTorch {spread([t['dense'] for t in theirs])}")


def report(job, densities, ours, theirs):
    grid, whole = job["grid"]["density"], job["grid"]["seeds"]
    whole = len(whole) if isinstance(whole, list) else whole
    print(" density   ours, s  accuracy   PyTorch, s  + spectra  accuracy")
    for density in densities:
        i = grid.index(density)
        cells = [t["cells"][densities.index(density)] for t in theirs]
        print(f"{density:8.6f} {statistics.mean(float(o['cells'][i]) for o in ours):9.2f}  "
              f"{statistics.mean(float(o['accuracy'][i]) for o in ours):8.4f} "
              f"{statistics.mean(c['train'] for c in cells):12.2f} "
              f"{statistics.mean(c['spectra'] for c in cells):10.2f}  "
              f"{statistics.mean(t['accuracy'][density] for t in theirs):8.4f}")
    us = statistics.mean(o["total"] for o in ours)
    print(f"ours: {us:.1f} core-seconds a seed, start and file included (of them parent "
          f"{statistics.mean(o['parent'] for o in ours):.1f} s, {len(grid)} cells "
          f"{statistics.mean(float(o['cells'].sum()) for o in ours):.1f} s); "
          f"x {whole} seeds = {us * whole:.0f}")
    for what, parts in (("without spectra", ["train"]), ("with spectra", ["train", "spectra"])):
        parent = statistics.mean(sum(t["parent"][p] for p in parts) for t in theirs)
        cell = statistics.mean(sum(c[p] for p in parts) for t in theirs for c in t["cells"])
        all_of_it = whole * (parent + len(grid) * cell)
        print(f"PyTorch {what}: {whole} x (parent {parent:.1f} + {len(grid)} x {cell:.2f} a cell) = "
              f"{all_of_it:.0f} core-seconds, {all_of_it / (us * whole):.2f} x ours")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", nargs="?", default="jobs/mnist-lenet300.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--peer-densities", type=int, default=6)
    parser.add_argument("--dense", action="store_true", help="compare accuracies of dense parents alone")
    option = parser.parse_args()
    peer.single_thread()
    job = read_job(option)
    if option.dense:
        job["grid"]["density"] = job["grid"]["density"][-1:]
        job["retrain"]["epochs"] = 1
    grid = job["grid"]["density"]
    at = numpy.linspace(0, len(grid) - 1, option.peer_densities).round().astype(int)
    densities = [grid[i] for i in dict.fromkeys(at)]
    data = peer.load(job["model"]["kind"], job["data"]["path"],
                     *(job["data"][part] for part in ("train", "test", "validation")))
    print(f"{job['name']}: {len(grid)} densities, arm {job['arms'][0]['name']}; measured: seeds "
          f"{option.seeds}, ours at all densities, PyTorch {torch.__version__} at {len(densities)} of them; in turns")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in option.seeds:
            ours.append(run_ours(job, seed, folder))
            theirs.append(run_peer(job, seed, densities, data, option.dense))
            print(f"seed {seed}: dense accuracy {ours[-1]['dense']:.4f}, PyTorch {theirs[-1]['dense']:.4f}; "
                  f"{ours[-1]['total']:.1f} core-seconds", flush=True)
    report_dense(ours, theirs)
    if not option.dense:
        report(job, densities, ours, theirs)


main()
