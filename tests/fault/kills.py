"""Kills of one rank, of rank 0, of all ranks, of mpirun, at random moments and at every write, with
and without --enable-recovery; and signals that ask a sweep to end."""
import os
import random
import signal
import time

import judge
import sweep

RANKS = 4
SOON = ["--lost-after", "25"]  # not after two minutes
RECOVERY = {False: "", True: ", --enable-recovery"}


def victims(kind, processes, draw):
    """Pids to kill of {pid: rank}."""
    ranks = sorted(p for p, r in processes.items() if r >= 0)
    if kind == "any rank":
        return [draw.choice(ranks)] if ranks else []
    if kind == "all ranks":
        return ranks
    if kind == "mpirun":
        return [p for p, r in processes.items() if r < 0]
    return [p for p, r in processes.items() if r == 0]


class Kill:
    """Two launches of one sweep that are killed, then one that ends it."""

    job = "long"

    def __init__(self, kind, recovery, seed):
        self.kind, self.recovery, self.seed = kind, recovery, seed
        self.row = ("kills", kind, f"{RANKS} ranks{RECOVERY[recovery]}")
        self.options = ["--enable-recovery"] if recovery else []

    def once(self, reference, slot, draw):
        """One launch; (was anybody killed, outcome)."""
        process = slot.start(RANKS, arguments=SOON, options=self.options)
        time.sleep(draw.uniform(0, 1.2) * reference.seconds)
        found = victims(self.kind, slot.processes(), draw)
        slot.kill(found)
        return len(found) > 0, slot.finish(process, sweep.PATIENCE)

    def run(self, reference, slot):
        draw = random.Random(self.seed)
        slot.clear()
        before, bad, ends, killed = None, [], [], 0
        for _ in range(2):
            hit, outcome = self.once(reference, slot, draw)
            killed += hit
            if outcome.hung:
                ends.append("hang")
                bad.append("hangs")
            elif outcome.deserted:
                ends.append(judge.DESERTED)
            elif not hit and outcome.code != 0:
                bad.append("exit code")
            if hit and self.kind == "mpirun":  # what it leaves behind ends by itself, too
                if not judge.wait_for(lambda: not slot.processes(), sweep.PATIENCE):
                    bad.append("hangs")
                    slot.end_all()
            more, before = judge.judge_file(reference, slot, before, False)
            bad += more
            done = before is not None and not reference.unequal(before)
            ends.append("finished all the same" if hit and done else "to be resumed" if hit else "")
        last = slot.run(RANKS)
        if last.hung or last.code != 0:
            bad.append("hangs" if last.hung else "resume")
        more, _ = judge.judge_file(reference, slot, before, True)
        return (killed, [e for e in ends if e], bad + more,
                f"seed {self.seed}: {ends}; {', '.join(bad + more)}: {last.errors[-300:]}")


class AtWrite(Kill):
    """A rank dies at its n-th write; one launch."""

    def __init__(self, rank, number, recovery):
        super().__init__("at a write", recovery, number)
        self.rank = rank
        self.row = ("kills", f"rank {rank} at its n-th write", f"{RANKS} ranks{RECOVERY[recovery]}")

    def once(self, reference, slot, draw):
        if (slot.folder / "log.0").exists():  # the second launch is left alone
            return False, slot.run(RANKS, arguments=SOON, options=self.options)
        fault = {"PSI_FAULT": f"write:kill:{self.seed}", "PSI_FAULT_FILES": "*/out/s.h5",
                 "PSI_FAULT_RANK": str(self.rank)}
        outcome = slot.run(RANKS, fault, SOON, self.options)
        return slot.log(self.rank)[1] > 0, outcome


class Asked(judge.Case):
    """A signal that asks one rank to end: 4, and nothing is lost."""

    job = "long"

    def __init__(self, name, ranks, seed):
        super().__init__(("signals", name, f"{ranks} ranks" if ranks else "1 rank"), ranks, codes=(4,),
                         text="interrupted")
        self.name, self.seed = name, seed

    def run(self, reference, slot):
        draw = random.Random(self.seed)
        slot.clear()
        process = slot.start(self.ranks)
        judge.wait_for(slot.file.exists)
        time.sleep(draw.uniform(0, 0.6) * reference.seconds)
        found = victims("any rank", slot.processes(), draw)
        for pid in found:
            try:
                os.kill(pid, getattr(signal, self.name))
            except ProcessLookupError:
                found = []
        outcome = slot.finish(process, sweep.PATIENCE)
        end, bad, words = judge.settle(self, reference, slot, outcome, None, len(found))
        return len(found), end, bad, f"seed {self.seed}: {end}; {', '.join(bad)}: {words}"


def cases(_):
    for recovery in (False, True):
        for kind, count in (("any rank", 75), ("rank 0", 40), ("all ranks", 25), ("mpirun", 25)):
            for seed in range(count):
                yield Kill(kind, recovery, seed)
        for rank in range(RANKS):
            for number in range(1, 202, 8 if rank else 4):
                yield AtWrite(rank, number, recovery)
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"):
        for ranks in (0, 2, 4):
            for seed in range(5):
                yield Asked(name, ranks, seed)
