"""One sweep under a fault, the same command again without it, and what was wrong with either."""
import collections
import re
import time

import sweep

KINDS = ("lost", "unreadable", "hangs", "crashes", "unequal", "resume", "exit code", "message")
INJECTED = {"kill", "torn"}
DESERTED = "mpirun stays without ranks"


class Case:
    """row: (part, fault, start and ranks), the line of the table that counts it.

    codes: exit codes that are right, beside 0 where the file is then complete. text: what a line of
    the program's own has to say. hard = False: MPI or HDF5 refuse to live on, and may end the
    process as they like; what is in the file is judged all the same."""

    def __init__(self, row, ranks=0, fault=None, start=None, victim=0, codes=(5,), text="s\\.h5",
                 arguments=(), before=None, hard=True):
        self.row, self.ranks, self.fault, self.start = row, ranks, fault, start
        self.victim, self.codes, self.text = victim, codes, text
        self.arguments, self.before, self.hard = arguments, before, hard

    job = "short"

    def run(self, reference, slot):
        return run_case(self, reference, slot)

    @property
    def what(self):
        return (self.fault or {}).get("PSI_FAULT", "")

    @property
    def injected(self):
        return self.what.split(":")[1:2] and self.what.split(":")[1] in INJECTED


class Row:
    """What came of all cases of one line."""

    def __init__(self):
        self.fired = 0
        self.ends = collections.Counter()
        self.bad = collections.Counter()
        self.examples = []

    def add(self, fired, end, bad, example):
        self.fired += fired
        self.ends.update([end] if isinstance(end, str) else end)
        for kind in bad:
            self.bad[kind.split(":")[0]] += 1
        if bad and len(self.examples) < 4:
            self.examples.append(example)


def end_of(outcome):
    """How a run ended, in one word."""
    if outcome.hung or outcome.deserted:
        return "hang" if outcome.hung else DESERTED
    signal = re.search(r"exited on signal (\d+)", outcome.errors)
    if signal:
        return f"signal {signal[1]}"
    if outcome.code < 0:
        return f"signal {-outcome.code}"
    return f"signal {outcome.code - 128}" if outcome.code > 128 else str(outcome.code)


def judge_end(case, outcome, fired):
    bad, end = [], end_of(outcome)
    if end == "hang" or (end == DESERTED and not case.injected):
        return ["hangs"], end
    if not fired and end != "0":
        return ["exit code"], end
    if case.injected:
        told = end == "4" and any("rank 0 was lost" in w for w in outcome.words)  # before mpirun
        return ([] if told or end in ("signal 9", "0", DESERTED) else ["exit code"]), end
    if not case.hard:
        return [], end
    if end.startswith("signal"):
        return ["crashes"], end
    if end != "0":
        if int(end) not in case.codes:
            bad.append("exit code")
        if len(outcome.words) != 1 or not re.search(case.text, outcome.words[0]):
            bad.append("message")
    return bad, end


def judge_file(reference, slot, before, complete):
    """What is wrong with the file that a run has left, and what is in it."""
    if not slot.file.exists():
        return (["lost"] if before else []) + (["unequal"] if complete else []), None
    if slot.file.stat().st_size == 0 and not before and not complete:
        return [], None
    found = reference.read(slot.file)
    if found is None:
        return ["unreadable"], None
    bad = []
    if wrong := reference.wrong(found):
        bad.append(f"lost: {wrong}")
    if before and (count := sweep.lost(before, found)):
        bad.append(f"lost: {count} computed again")
    if complete and (unequal := reference.unequal(found)):
        bad.append(f"unequal: {unequal}")
    return bad, found


def settle(case, reference, slot, outcome, before, fired):
    """Judge a run that has ended, and the next one. Returns (end, kinds of what was wrong, words)."""
    bad, end = judge_end(case, outcome, fired)
    if not fired and not bad and not before:
        more, found = judge_file(reference, slot, before, True)
        return end, bad + more, str(more)
    more, found = judge_file(reference, slot, before, end == "0")
    bad += more
    again = slot.run(0, arguments=case.arguments)
    if again.hung:
        bad.append("hangs")
    elif again.code != 0:
        bad.append("resume")
    else:
        more, _ = judge_file(reference, slot, found, True)
        bad += more
        if slot.file.with_suffix(".h5.tmp").exists():
            bad.append("resume")
    words = " | ".join(outcome.words) or outcome.errors[-300:].replace("\n", " ")
    if again.code:
        words += f" || again: {again.code} {again.errors[-300:]}"
    return end, bad, words


def run_case(case, reference, slot):
    """Returns what Row.add takes."""
    slot.clear(case.start)
    before = reference.read(case.start) if case.start else None
    outcome = slot.run(case.ranks, case.fault, case.arguments, before=case.before)
    _, fired, where = slot.log(case.victim)
    fired = fired if case.what else 1
    end, bad, words = settle(case, reference, slot, outcome, before, fired)
    example = f"{case.what} on {where}: {end}; {', '.join(bad)}: {words}"
    return int(fired > 0), end, bad, example


def wait_for(condition, seconds=20):
    """Until it holds; False when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
