#!/usr/bin/python3
"""Race psisweep's training steps against PyTorch's: LeNet-300-100 and LeNet-5 on MNIST, Conv-2 on
CIFAR-10, batch 60, SGD with momentum, whole steps (gather, forward, loss, backward, update), one
thread each; dense, and pruned by magnitude from one shared parent with the same masks, which PyTorch
multiplies after each step.

    tools/bench.py [--models mlp,full,lenet5,conv2] [--rounds 7] [--seconds 0.4] [--table]

Both runners stay alive and take turns A B A B ... in one run, so drift of the machine's speed falls
on both. Ratios are taken round by round. Equal work is seen from the test scores after the same
number of steps, and from the losses of the first steps on the same batches: of the path that is
timed, of GEMM, and of PyTorch. A timing is never a test.
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


# name: (folder of the data, a file that must be there, steps of the parent and before scores are
# compared, [(sparsity, scope)])
# full: mlp on the same images without a zero pixel, so that no input is skipped
EVERY = [(0, ""), (.9, ""), (.95, ""), (.98, ""), (.99, ""), (.999, "")]
FEW = [(0, ""), (.9, "layer"), (.99, "layer"), (.99, "")]
MODELS = {
    "mlp": ("mnist", "train-images-idx3-ubyte.gz", 2000, 1000, EVERY),
    "full": ("mnist", "train-images-idx3-ubyte.gz", 2000, 1000, [(0, "")]),
    "lenet5": ("mnist", "train-images-idx3-ubyte.gz", 300, 100, FEW),
    "conv2": ("cifar-10", "data_batch_1.bin", 20, 8, FEW),
}


def loss_difference(ours, peer, prune, steps):
    """The largest relative difference, over the first steps on the same batches, of the losses of the
    path that is timed to those of GEMM, and to PyTorch's."""
    losses = []
    for runner, path in (ours, ""), (ours, "gemm"), (peer, ""):
        runner.ask(f"{prune} {path}")
        losses.append(runner.ask(f"losses {steps}"))
    return [max(abs(a - b) / b for a, b in zip(losses[0], other)) for other in losses[1:]]


def race(ours, peer, sparsity, scope, equal, option, name):
    prune = f"prune {sparsity} {scope}"
    kept = {runner: runner.ask(prune)[0] for runner in (ours, peer)}
    if kept[ours] != kept[peer]:
        sys.exit(f"bench.py: {kept[ours]} and {kept[peer]} weights kept at sparsity {sparsity}")
    rates, steps = {ours: [], peer: []}, {}
    for runner in ours, peer:  # warm-up, and how many steps a turn is
        first = max(2, equal // 5)
        seconds = runner.ask(f"run {first}")[0]
        steps[runner] = max(2, round(option.seconds * first / seconds))
    for _ in range(option.rounds):
        for runner in ours, peer:
            rates[runner].append(steps[runner] / runner.ask(f"run {steps[runner]}")[0])
    ratios = [a / b for a, b in zip(rates[ours], rates[peer])]
    parts = ours.ask(f"parts {steps[ours]}")
    speed = ""
    if name in ("mlp", "full"):
        speed = "{:5.1f} of {:5.1f}".format(*ours.ask(f"rate {max(1, steps[ours] // 5)}"))
    # Equal work: both from the parent again, the same number of steps
    scores = []
    for runner in ours, peer:
        runner.ask(prune)
        runner.ask(f"run {equal}")
        scores.append(runner.ask("score")[0])
    differences = loss_difference(ours, peer, prune, min(equal, option.losses))
    micro = [1e6 / statistics.median(rates[runner]) for runner in (ours, peer)]
    print(f"{100 * sparsity:5.1f} % {scope:5} {kept[ours]:9.0f} {micro[0]:9.1f} {micro[1]:9.0f}   "
          f"{spread(ratios, '.2f'):26} {' '.join(f'{p:7.1f}' for p in parts[:4])}  "
          f"{100 * parts[4] / sum(parts[:4]):4.0f} %   {speed:14}  {scores[0]:.4f} {scores[1]:.4f}   "
          f"{' '.join(f'{d:.1e}' for d in differences)}", flush=True)


def race_model(name, option):
    folder, needed, parent, equal, cases = MODELS[name]
    folder = f"{option.data}/{folder}"
    if not os.path.exists(f"{folder}/{needed}"):
        print(f"{name}: no {needed} in {folder}, left out")
        return
    ours = Runner(option.bench, name, folder)
    peer = Runner(sys.executable, str(here / "peer_torch.py"), name, folder)
    ours.ask(f"run {parent}")
    with tempfile.NamedTemporaryFile() as file:
        ours.ask(f"save {file.name}")
        peer.ask(f"load {file.name}")
    print(f"{name}: {ours.name} against {peer.name}: {option.rounds} rounds of {option.seconds} s "
          f"turns; accuracy after {equal} steps from a parent of {parent}; largest relative difference "
          f"of the losses of the first {min(equal, option.losses)} to those of GEMM, and to PyTorch's")
    print("sparse  scope   weights   us/step  PyTorch   ratio: median (range)      us of gather, "
          "forward, loss, rest   sgemm   GFLOP/s of peak  accuracies      losses")
    for sparsity, scope in cases:
        race(ours, peer, sparsity, scope, equal, option, name)
    ours.close()
    peer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(here.parent.parent / "shared/data"))
    parser.add_argument("--bench", default=str(here.parent / "build/tools/bench"))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--losses", type=int, default=100, help="steps whose losses are compared")
    parser.add_argument("--table", action="store_true",
                        help="print the path table (src/net/path_table.c) as timed anew, and end")
    option = parser.parse_args()
    if option.table:
        sys.exit(subprocess.run([option.bench, "table"]).returncode)
    for name in option.models.split(","):
        race_model(name, option)


main()
