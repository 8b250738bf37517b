"""A small sweep that is run under a fault, and what is asked of the file that it leaves.

Of a file: it can be opened and read by others (h5py); what it calls done is what an undisturbed
sweep holds; what was done before is still done, not computed again; finished, it is equal in all but
who computed what and when.
"""
import gzip
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import time

import h5py
import numpy as np

os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
PROGRAM = BUILD / "psisweep"
SHIM = BUILD / "tests/fault.so"

# four cells, a chain and a dense parent
JOB = """name: faults
data: {set: idx, path: data, validation: 30}
model: {hidden: [8]}
train: {epochs: 2, batch: 20, rate: 0.01}
retrain: {epochs: 1, batch: 20, rate: 0.01}
arms:
  - {criterion: magnitude}
  - {name: iterative, schedule: iterative}
grid: {density: [1, 0.1], seeds: 1}
"""

# as much as a second of four ranks; every round has something to do
LONG_JOB = """name: kills
data: {set: idx, path: data, validation: 30}
model: {hidden: [24, 12]}
train: {epochs: 40, batch: 20, rate: 0.01}
retrain: {epochs: 400, batch: 20, rate: 0.01}
arms:
  - {criterion: magnitude}
  - {criterion: random, scope: layer}
  - {name: iterative, schedule: iterative}
grid: {density: {from: 1, to: 0.01, per_decade: 2}, refine: {factor: 2, around: 0.25}, seeds: 2}
rescue: {cells: 1, finetune: [1, 2], reinitialise: [1], draws: 1}
"""

PATIENCE = 300  # seconds until a run counts as hung: the machine may be busy

CLASSES = ("write read open close sync rename unlink mkdir space lock stat memory wall "
           "steady").split()


def make_data(folder):
    """Three well-separated classes of 8 x 8 images; one file compressed, three plain."""
    random = np.random.RandomState(1)
    folder.mkdir()
    shapes = random.randint(0, 256, (3, 8, 8))
    for split, count in (("train", 150), ("t10k", 60)):
        labels = np.arange(count) % 3
        images = np.clip(shapes[labels] + random.randint(-40, 41, (count, 8, 8)), 0, 255)
        image = struct.pack(">IIII", 0x803, count, 8, 8) + images.astype(np.uint8).tobytes()
        label = struct.pack(">II", 0x801, count) + labels.astype(np.uint8).tobytes()
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(label)
        if split == "train":
            (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(image, mtime=0))
        else:
            (folder / "t10k-images-idx3-ubyte").write_bytes(image)


# ---- the file ----

VOLATILE = re.compile(r"(.*_)?(seconds|attempt|rank|launch)|launch_.*")
OWNERS = {  # prefix of its status: the axes that say which record; the first that fits owns
    "rescue_": ("arm", "seed", "density", "rung"),
    "ladder_": ("arm", "seed", "density"),
    "": ("arm", "seed", "density"),
    "chain_": ("chain", "seed", "slot"),
    "dense_": ("seed",),
}
DONE = 2


def owner_of(name, axes):
    """Which record a variable belongs to; None = it never changes."""
    if name in axes or VOLATILE.fullmatch(name) and name.startswith("launch_"):
        return None
    if name.startswith("ladder_") or name in ("collapse_kind", "rescued_by"):
        return "ladder_"
    for prefix, needs in OWNERS.items():
        if prefix != "ladder_" and axes[:len(needs)] == needs:
            return prefix
    return None


def axes_of(variable):
    return tuple(d[0].name[1:] if len(d) else d.label for d in variable.dims)


def same(a, b):
    if a.dtype.kind == "f":
        return a.tobytes() == b.tobytes()
    return np.array_equal(a, b)


class Reference:
    """An undisturbed sweep, in memory."""

    def __init__(self, path):
        with h5py.File(path, "r") as file:
            self.value = {n: v[...] for n, v in file.items()}
            axes = {n: axes_of(v) for n, v in file.items()}
            self.attributes = {n: v for n, v in file.attrs.items()}
        self.owner = {n: owner_of(n, axes[n]) for n in self.value}
        assert all(s == DONE or s == 4 for n, v in self.value.items()
                   if n in ("status", "dense_status") for s in v.flat), "the reference is not whole"

    def read(self, path):
        """{name: array}, or None where it cannot be read."""
        try:
            with h5py.File(path, "r") as file:
                found = {n: file[n][...] for n in self.value}
                assert set(file) == set(self.value) and set(file.attrs) == set(self.attributes)
            return found
        except (OSError, KeyError, AssertionError):
            return None

    def wrong(self, found):
        """A variable whose done records are not those of the undisturbed sweep, or None."""
        for name, value in found.items():
            owner = self.owner[name]
            if VOLATILE.fullmatch(name) or name == f"{owner}status":
                continue
            keep = ...
            if owner == "chain_":
                continue  # goes on changing; at the end it is compared whole
            if owner is not None:
                keep = found[owner + "status"] == DONE
            if not same(value[keep], self.value[name][keep]):
                return name
        return None

    def unequal(self, found):
        """A variable that is not as in the undisturbed sweep, or None."""
        for name, value in found.items():
            if not VOLATILE.fullmatch(name) and not same(value, self.value[name]):
                return name
        return None


def lost(before, after):
    """How many records were done before and are not, or were computed again."""
    count = 0
    for owner in OWNERS:
        if owner == "chain_" or owner + "status" not in before:
            continue
        done = before[owner + "status"] == DONE
        kept = (after[owner + "status"] == DONE) & (after[owner + "attempt"] == before[owner + "attempt"])
        count += int((done & ~kept).sum())
    return count


def done(found):
    return sum(int((found[o + "status"] == DONE).sum()) for o in OWNERS
               if o != "chain_" and o + "status" in found)


# ---- the program ----

class Outcome:
    """hung: ranks were left when time was up; deserted: mpirun was, but none of them."""

    def __init__(self, code, errors, output, left, seconds):
        self.code, self.errors, self.output, self.seconds = code, errors, output, seconds
        self.hung = any(rank >= 0 for rank in left.values())
        self.deserted = bool(left) and not self.hung

    @property
    def words(self):
        """What is said to the user: lines of the program's own that are no summary."""
        return [line for line in self.errors.splitlines() if line.startswith("psisweep: ")
                and not re.search(r"records done, \d+ failed|took \d+ records", line)]


class Slot:
    """A folder in which one sweep after the other is run."""

    def __init__(self, folder, job=JOB):
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text(job)
        make_data(folder / "data")
        self.clear()

    file = property(lambda self: self.folder / "out" / "s.h5")

    def clear(self, start=None):
        for name in ("out", "tmp"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir()
        for log in self.folder.glob("log.*"):
            log.unlink()
        if start:
            shutil.copyfile(start, self.file)

    def environment(self, fault):
        env = dict(os.environ, TMPDIR=str(self.folder / "tmp"),
                   OMPI_MCA_ess_singleton_isolated="1",  # one rank needs no daemon beside it
                   OMPI_MCA_btl_vader_backing_directory=str(self.folder / "tmp"))
        if os.geteuid() == 0:
            env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        env.update({k: v for k, v in (fault or {}).items() if not k.startswith("LIMIT_")})
        return env

    def command(self, ranks, arguments=(), options=(), preload=False):
        program = [str(PROGRAM), "run", "job.yaml", "-q", "-o", str(self.file), *arguments]
        if preload:
            program = ["env", f"LD_PRELOAD={SHIM}", *program]
        launcher = ["mpirun", "--oversubscribe", *options, "-n", str(ranks)] if ranks else []
        return launcher + program

    def start(self, ranks, fault=None, arguments=(), options=(), before=None):
        """Popen; its streams go to files, which a survivor that keeps them open does not block."""
        fault = dict(fault or {})
        if fault:
            fault["PSI_FAULT_LOG"] = str(self.folder / "log")
        self.streams = [open(self.folder / n, "w+b") for n in ("stdout", "stderr")]
        return subprocess.Popen(self.command(ranks, arguments, options, bool(fault)),
                                cwd=self.folder, env=self.environment(fault),
                                stdin=subprocess.DEVNULL, stdout=self.streams[0],
                                stderr=self.streams[1], start_new_session=True, preexec_fn=before)

    def finish(self, process, limit, since=None):
        since = since or time.monotonic()
        left = {}
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            left, code = self.processes(), None
            self.end_all()
            process.wait()
        texts = []
        for stream in self.streams:
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
            stream.close()
        return Outcome(code, texts[1], texts[0], left, time.monotonic() - since)

    def run(self, ranks, fault=None, arguments=(), options=(), limit=PATIENCE, before=None):
        return self.finish(self.start(ranks, fault, arguments, options, before), limit)

    def processes(self, launcher=True):
        """{pid: rank} of what runs on this slot's file; rank -1 = mpirun."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if str(self.file).encode() not in words:
                    continue
                if words[0] == str(PROGRAM).encode():
                    env = (entry / "environ").read_bytes().split(b"\0")
                    rank = [e.split(b"=")[1] for e in env if e.startswith(b"OMPI_COMM_WORLD_RANK=")]
                    found[int(entry.name)] = int(rank[0]) if rank else 0
                elif launcher and words[0] == b"mpirun":
                    found[int(entry.name)] = -1
            except (OSError, IndexError):
                pass
        return found

    def kill(self, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def end_all(self):
        while pids := self.processes():
            self.kill(pids)
            time.sleep(0.05)

    def log(self, rank=0):
        """({class: calls}, fired, where) of a run with the shim."""
        try:
            data = (self.folder / f"log.{rank}").read_bytes()
        except OSError:
            return dict.fromkeys(CLASSES, 0), 0, ""
        numbers = struct.unpack_from(f"<{len(CLASSES) + 1}Q", data)
        where = data[8 * len(numbers):].split(b"\0")[0].decode(errors="replace")
        return dict(zip(CLASSES, numbers)), numbers[-1], where
