#!/usr/bin/python3
"""Race psisweep's training step against PyTorch's with masks, on MNIST: LeNet-300-100, batch 60, SGD
with momentum 0.9, whole steps (gather, forward, loss, backward, update), one thread each.

    tools/bench.py [--data FOLDER] [--rounds 7] [--seconds 0.4] [--bench build/tools/bench]
                   [--sparsity 0 0.9 0.95 0.98 0.99 0.999] [--parent 2000]

A dense parent is trained, by psisweep, and handed to both. For each sparsity both prune it by
magnitude over all layers, which gives the same mask, and train on. They stay alive and take turns
A B A B ... in one run, so drift of the machine's speed falls on both; a turn lasts as long for both.
Ratios are taken round by round. Equal work is seen from the test scores. A timing is never a test.
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
    return f"{middle:{form}} ({low:{form}} .. {high:{form}})"


def race(ours, peer, sparsity, option):
    kept = {runner: runner.ask(f"prune {sparsity}")[0] for runner in (ours, peer)}
    if kept[ours] != kept[peer]:
        sys.exit(f"bench.py: {kept[ours]} and {kept[peer]} weights kept at sparsity {sparsity}")
    rates, steps = {ours: [], peer: []}, {}
    for runner in ours, peer:  # warm-up, and how many steps a turn is
        seconds = runner.ask("run 200")[0]
        steps[runner] = max(1, round(option.seconds * 200 / seconds))
    for _ in range(option.rounds):
        for runner in ours, peer:
            rates[runner].append(steps[runner] / runner.ask(f"run {steps[runner]}")[0])
    ratios = [a / b for a, b in zip(rates[ours], rates[peer])]
    parts = ours.ask(f"parts {steps[ours]}")
    speed, peak = ours.ask(f"rate {max(1, steps[ours] // 5)}")
    # Equal work: both from the parent again, the same number of steps
    scores = []
    for runner in ours, peer:
        runner.ask(f"prune {sparsity}")
        runner.ask(f"run {option.equal}")
        scores.append(runner.ask("score")[0])
    micro = [1e6 / statistics.median(rates[runner]) for runner in (ours, peer)]
    print(f"{100 * sparsity:5.1f} % {kept[ours]:9.0f} {micro[0]:9.1f} {micro[1]:9.0f}   "
          f"{spread(ratios, '.1f'):22}  {' '.join(f'{p:5.1f}' for p in parts)}  "
          f"{speed:5.1f} of {peak:5.1f}   "
          f"{scores[0]:.4f} {scores[1]:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(here.parent.parent / "shared/data/mnist"))
    parser.add_argument("--bench", default=str(here.parent / "build/tools/bench"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--sparsity", type=float, nargs="+", default=[0, .9, .95, .98, .99, .999])
    parser.add_argument("--parent", type=int, default=2000, help="steps of the dense parent")
    parser.add_argument("--equal", type=int, default=1000, help="steps before scores are compared")
    option = parser.parse_args()
    if not os.path.exists(f"{option.data}/train-images-idx3-ubyte.gz"):
        sys.exit(f"bench.py: no MNIST in {option.data}")

    ours = Runner(option.bench, option.data)
    peer = Runner(sys.executable, str(here / "peer_torch.py"), option.data)
    ours.ask(f"run {option.parent}")
    with tempfile.NamedTemporaryFile() as file:
        ours.ask(f"save {file.name}")
        peer.ask(f"load {file.name}")
    print(f"{ours.name} against {peer.name}: {option.rounds} rounds of {option.seconds} s turns; "
          f"accuracy after {option.equal} steps from a parent of {option.parent}")
    print("sparse   weights   us/step  PyTorch   ratio: median (range)  gather, forward, loss, "
          "backward + update  GFLOP/s of peak   accuracies")
    for sparsity in option.sparsity:
        race(ours, peer, sparsity, option)
    ours.close()
    peer.close()


main()
