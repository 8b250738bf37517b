#!/usr/bin/python3
"""Race psisweep's dense training step against PyTorch's on MNIST: LeNet-300-100, batch 60, SGD with
momentum 0.9, whole steps (gather, forward, loss, backward, update), one thread each.

    tools/bench.py [--data FOLDER] [--rounds 9] [--steps 400] [--bench build/tools/bench]

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(here.parent.parent / "shared/data/mnist"))
    parser.add_argument("--bench", default=str(here.parent / "build/tools/bench"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=400)
    option = parser.parse_args()
    if not os.path.exists(f"{option.data}/train-images-idx3-ubyte.gz"):
        sys.exit(f"bench.py: no MNIST in {option.data}")

    ours = Runner(option.bench, option.data)
    peer = Runner(sys.executable, str(here / "peer_torch.py"), option.data)
    for runner in ours, peer:
        runner.ask(f"run {option.steps // 4}")  # warm-up
    rates, ratios = {ours: [], peer: []}, []
    for _ in range(option.rounds):
        for runner in ours, peer:
            rates[runner].append(option.steps / runner.ask(f"run {option.steps}")[0])
        ratios.append(rates[ours][-1] / rates[peer][-1])
    for runner in ours, peer:
        accuracy, loss = runner.ask("score")
        print(f"{runner.name}: steps/s {spread(rates[runner], '.0f')}, "
              f"{1e6 / statistics.median(rates[runner]):.0f} us a step; "
              f"test accuracy {accuracy:.4f}, loss {loss:.4f}")
    print(f"ratio over {option.rounds} rounds of {option.steps} steps: {spread(ratios, '.2f')}")
    parts = ours.ask(f"parts {option.steps}")
    names = ("gather", "forward", "loss", "backward and update")
    print("us a step: " + ", ".join(f"{n} {p:.0f}" for n, p in zip(names, parts)))
    ours.close()
    peer.close()


main()
