"""Where a sweep runs: disks that are full, read-only or gone, files that others touch, two sweeps."""
import os
import random
import shutil
import subprocess
import tempfile
import time

import judge
import sweep

MIB = 1 << 20


def mount(folder, size, options="rw"):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def leave(folder):
    """Unmount everything below a folder."""
    with open("/proc/mounts") as mounts:
        below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{folder}/")]
    for path in below:
        subprocess.run(["umount", "-l", path], check=False)


def may_mount():
    if os.geteuid() != 0:
        return False
    folder = tempfile.mkdtemp(prefix="crash-matrix-mount-")
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True)
    subprocess.run(["umount", folder], capture_output=True)
    os.rmdir(folder)
    return done.returncode == 0


class Place(judge.Case):
    """A case whose sweep is run by a function of (case, reference, slot) -> (end, bad, words)."""

    def __init__(self, what, where, function, job="short", **more):
        super().__init__(("places", what, where), **more)
        self.function, self.job = function, job

    def run(self, reference, slot):
        slot.clear()
        try:
            end, bad, words = self.function(self, reference, slot)
        finally:
            leave(slot.folder)
        return 1, end, bad, f"{end}; {', '.join(bad)}: {words}"


def disk_full(size):
    def run(case, reference, slot):
        mount(slot.folder / "out", size)
        before = None
        if case.start:
            shutil.copyfile(case.start, slot.file)
            before = reference.read(slot.file)
        outcome = slot.run(case.ranks)
        remount(slot.folder / "out", f"size={64 * MIB}")
        return judge.settle(case, reference, slot, outcome, before, 1)
    return run


def read_only(case, reference, slot):
    mount(slot.folder / "out", 64 * MIB)
    before = None
    if case.start:
        shutil.copyfile(case.start, slot.file)
        before = reference.read(slot.file)
    remount(slot.folder / "out", "ro")
    outcome = slot.run(case.ranks)
    remount(slot.folder / "out", "rw")
    return judge.settle(case, reference, slot, outcome, before, 1)


def temporary_full(case, reference, slot):
    mount(slot.folder / "tmp", 64 * 1024)
    with open(slot.folder / "tmp/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
    outcome = slot.run(case.ranks)
    leave(slot.folder)
    return judge.settle(case, reference, slot, outcome, None, 1)


def begun(case, slot):
    """A long sweep that has written some cells; its process."""
    process = slot.start(case.ranks)
    judge.wait_for(slot.file.exists)
    time.sleep(random.Random(repr(case.row)).uniform(0.2, 0.8))
    return process


def folder_moved(case, reference, slot):
    process = begun(case, slot)
    gone = slot.folder / "gone"
    shutil.rmtree(gone, ignore_errors=True)
    (slot.folder / "out").rename(gone)
    outcome = slot.finish(process, sweep.PATIENCE)
    (slot.folder / "out").mkdir(exist_ok=True)
    shutil.rmtree(slot.folder / "out")
    gone.rename(slot.folder / "out")
    return judge.settle(case, reference, slot, outcome, None, 1)


def folder_removed(case, reference, slot):
    process = begun(case, slot)
    shutil.rmtree(slot.folder / "out")
    outcome = slot.finish(process, sweep.PATIENCE)
    (slot.folder / "out").mkdir(exist_ok=True)
    return judge.settle(case, reference, slot, outcome, None, 1)


def file_replaced(case, reference, slot):
    process = begun(case, slot)
    copy = slot.folder / "out/copy"
    shutil.copyfile(slot.file, copy)
    copy.rename(slot.file)  # as an editor or rsync would: another file under the name
    outcome = slot.finish(process, sweep.PATIENCE)
    return judge.settle(case, reference, slot, outcome, None, 1)


def refused(case, slot, outcome):
    """A run ended by damage, and the next, which has to refuse the file in one clear line."""
    bad, end = judge.judge_end(case, outcome, 1)
    again = slot.run(0)
    if again.hung:
        bad.append("hangs")
    elif again.code != 5 or len(again.words) != 1 or "s.h5" not in again.words[0]:
        bad.append("message")
    return end, bad, f"{' | '.join(outcome.words)} || again: {again.code} {again.errors[-300:]}"


def truncated(share):
    def run(case, reference, slot):
        process = begun(case, slot)
        os.truncate(slot.file, int(slot.file.stat().st_size * share))
        return refused(case, slot, slot.finish(process, sweep.PATIENCE))
    return run


def parent_is_done(slot):
    try:
        with sweep.h5py.File(slot.file, "r") as file:
            return file["dense_status"][0] == sweep.DONE
    except (OSError, KeyError):
        return False


def edited(case, reference, slot):
    """A byte of a dense parent's weights: the run that reads it, or the next, says so."""
    process = slot.start(case.ranks)
    assert judge.wait_for(lambda: parent_is_done(slot), sweep.PATIENCE)
    with sweep.h5py.File(slot.file, "r") as file:
        at = file["dense_parameter"].id.get_offset()
    with open(slot.file, "r+b") as file:
        file.seek(at + 40)
        byte = file.read(1)
        file.seek(at + 40)
        file.write(bytes([byte[0] ^ 1]))
    outcome = slot.finish(process, sweep.PATIENCE)
    bad, end = judge.judge_end(case, outcome, 1)
    def verify(*options):
        done = subprocess.run([sweep.PROGRAM, "verify", *options, str(slot.file)],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    told, mended = verify(), verify("--repair")
    if told[0] == 0:
        bad.append("message")
    last = slot.run(2)
    if last.code != 0:
        bad.append("resume")
    more, _ = judge.judge_file(reference, slot, None, True)
    return end, bad + more, f"{outcome.words} verify: {told} repair: {mended} " \
                            f"again: {last.code} {last.words}"


def two_sweeps(wait):
    def run(case, reference, slot):
        first = slot.start(case.ranks)
        streams = slot.streams
        time.sleep(wait)
        second = slot.finish(slot.start(case.ranks), sweep.PATIENCE)
        slot.streams = streams
        first = slot.finish(first, sweep.PATIENCE)
        bad = []
        for outcome in (first, second):
            if outcome.hung:
                bad.append("hangs")
            elif outcome.code != 0 and (outcome.code != 6 or len(outcome.words) != 1 or
                                        "in use by another" not in outcome.words[0]):
                bad.append("exit code")
        if first.code and second.code:
            bad.append("exit code")
        more, _ = judge.judge_file(reference, slot, None, True)
        return f"{first.code} and {second.code}", bad + more, f"{first.words} {second.words}"
    return run


def diverged(case, reference, slot):
    """What leaves the finite numbers is a result, the same on two ranks, interrupted, or whole."""
    rate = ["--set", "train.rate=1e9", "--set", "retrain.rate=1e9"]
    one = slot.run(0, arguments=rate)
    bad = [] if one.code == 0 else ["exit code"]
    if not bad:
        whole = sweep.Reference(slot.file)
        for fault in ({"PSI_FAULT": "write:kill:230"}, {"PSI_FAULT": "write:kill:260"}):
            slot.clear()
            slot.run(0, dict(fault, PSI_FAULT_FILES="*/out/s.h5"), arguments=rate)
            bad += ["resume"] if slot.run(2, arguments=rate).code else []
            more, _ = judge.judge_file(whole, slot, None, True)
            bad += more
    return str(one.code), bad, one.errors[-300:]


def cases(plan):
    anyhow = {"codes": (5, 6), "text": r"s\.h5"}
    if may_mount():
        size = plan.half.stat().st_size
        for kib in [4, 8, 64] + list(range(128, (size + 2 * MIB) // 1024, 64)):
            yield Place("disk full", "new, 1 rank", disk_full(f"{kib}k"), **anyhow)
            if kib * 1024 >= size + 4096:
                yield Place("disk full", "half done, 2 ranks", disk_full(f"{kib}k"), ranks=2,
                            start=plan.half, **anyhow)
        for ranks in (0, 2):
            word = f"{ranks or 1} rank{'s' if ranks else ''}"
            yield Place("read-only folder", f"new, {word}", read_only, ranks=ranks, **anyhow)
            yield Place("read-only folder", f"half done, {word}", read_only, ranks=ranks,
                        start=plan.half, **anyhow)
            yield Place("full /tmp", word, temporary_full, ranks=ranks, hard=False)
    for ranks in (0, 4):
        word = f"{ranks or 1} rank{'s' if ranks else ''}"
        more = dict(anyhow, ranks=ranks, job="long")
        yield Place("folder moved away", word, folder_moved, **more)
        yield Place("folder removed", word, folder_removed, **more)
        yield Place("file replaced by a copy", word, file_replaced, **more)
        for share in (0, 0.01, 0.2, 0.5, 0.9):
            yield Place(f"file truncated to {share:.0%}", word, truncated(share), **more)
        yield Place("a byte of the file changed", word, edited, **more)
        yield Place("rate 1e9", "1 rank, 2 ranks, killed", diverged)
        for i in range(10):
            yield Place("two sweeps at once", word, two_sweeps(0.15 * i), **more)
