#!/usr/bin/python3
"""Race psisweep's dense training steps against PyTorch's: LeNet-300-100 and LeNet-5 on MNIST, Conv-2
on CIFAR-10, batch 60, SGD with momentum 0.9, whole steps (gather, forward, loss, backward, update),
one thread each.

    tools/bench.py [--data FOLDER] [--rounds 9] [--models mlp,lenet5,conv2] [--bench build/tools/bench]

Both runners stay alive and take turns A B A B ... in one run, so drift of the machine's speed
falls on both. Ratios are taken round by round. Equal work is seen from the test scores after the
same number of steps. A timing is never a test.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent


class Runner:
    def __init__(self, *command):
        env = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=env)
        self.name = self.process.stdout.readline().strip()
        if not self.name:
            sys.exit(f"bench.py: {command[0]} did not start")

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        return [float(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def spread(values, form):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"median {middle:{form}} (min {low:{form}}, max {high:{form}})"


# name: (folder of the data, a file that must be there, steps a round)
MODELS = {
    "mlp": ("mnist", "train-images-idx3-ubyte.gz", 400),
    "lenet5": ("mnist", "train-images-idx3-ubyte.gz", 60),
    "conv2": ("cifar-10", "data_batch_1.bin", 6),
}


def race(name, option):
    folder, needed, steps = MODELS[name]
    folder = f"{option.data}/{folder}"
    if not os.path.exists(f"{folder}/{needed}"):
        print(f"{name}: no {needed} in {folder}, left out")
        return
    ours = Runner(option.bench, name, folder)
    peer = Runner(sys.executable, str(here / "peer_torch.py"), name, folder)
    for runner in ours, peer:
        runner.ask(f"run {1 + steps // 4}")  # warm-up
    rates, ratios = {ours: [], peer: []}, []
    for _ in range(option.rounds):
        for runner in ours, peer:
            rates[runner].append(steps / runner.ask(f"run {steps}")[0])
        ratios.append(rates[ours][-1] / rates[peer][-1])
    print(f"{name}, batch 60, dense")
    for runner in ours, peer:
        accuracy, loss = runner.ask("score")
        print(f"  {runner.name}: steps/s {spread(rates[runner], '.1f')}, "
              f"{1e6 / statistics.median(rates[runner]):.0f} us a step; "
              f"test accuracy {accuracy:.4f}, loss {loss:.4f}")
    print(f"  ratio over {option.rounds} rounds of {steps} steps: {spread(ratios, '.2f')}")
    parts = ours.ask(f"parts {steps}")
    names = ("gather", "forward", "loss", "backward and update")
    print("  us a step: " + ", ".join(f"{n} {p:.0f}" for n, p in zip(names, parts)))
    if name != "mlp":
        race_pruned(ours, peer, steps, option.rounds)
    ours.close()
    peer.close()


def race_pruned(ours, peer, steps, rounds):
    """Steps of the pruned network; a framework with masks takes no fewer than its dense ones."""
    with tempfile.NamedTemporaryFile() as file:
        ours.ask(f"save {file.name}")
    for sparsity in 0.9, 0.99:
        for scope in "layer", "":
            kept = ours.ask(f"prune {sparsity} {scope}")[0]
            ours.ask(f"run {steps}")
            ratios, rates = [], []
            for _ in range(rounds):
                rates.append(steps / ours.ask(f"run {steps}")[0])
                ratios.append(rates[-1] * peer.ask(f"run {steps}")[0] / steps)
            print(f"  {sparsity:.0%} pruned ({'in every layer' if scope else 'globally'}, {kept:.0f} "
                  f"kept): {1e6 / statistics.median(rates):.0f} us a step, ratio "
                  f"{spread(ratios, '.1f')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(here.parent.parent / "shared/data"))
    parser.add_argument("--bench", default=str(here.parent / "build/tools/bench"))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rounds", type=int, default=9)
    option = parser.parse_args()
    for name in option.models.split(","):
        race(name, option)


main()
