"""The parts of the crash matrix: which faults, at which calls."""
import random
import resource

import sweep
from judge import Case

FILE_FAULTS = {
    "write": ("ENOSPC", "EIO", "EINTR", "short", "kill", "torn"),
    "read": ("EIO", "EINTR", "short"),
    "open": ("EACCES", "EIO", "ENOSPC", "EROFS", "kill"),
    "close": ("EIO", "ENOSPC", "kill"),
    "sync": ("EIO", "ENOSPC", "EINTR", "kill"),
    "rename": ("EIO", "EROFS", "kill"),
    "unlink": ("EIO", "kill"),
    "space": ("ENOSPC", "EIO", "EINTR", "kill"),
    "lock": ("ENOLCK", "EINTR", "kill"),
    "stat": ("EIO", "EACCES", "kill"),
}
INPUT_FAULTS = {"open": ("EACCES", "EIO", "kill"), "read": ("EIO", "EINTR", "short", "kill"),
                "close": ("EIO",)}
SIDES = {0: "1 rank", 1: "rank 0 of 2", 2: "rank 1 of 2"}
MIB = 1 << 20


class Plan:
    """Makes the cases of a part; counts calls in dry runs of its own slot."""

    def __init__(self, slot, half):
        self.slot, self.half = slot, half
        self.counted = {}

    def calls(self, scope, ranks, victim, start):
        key = (tuple(scope.items()), ranks, victim, start)
        if key not in self.counted:
            self.slot.clear(start)
            outcome = self.slot.run(ranks, scope)
            assert outcome.code == 0, outcome.errors
            self.counted[key] = self.slot.log(victim)[0]
        return self.counted[key]

    def every(self, part, scope, faults, side=0, half=False, most=None, follow="", **more):
        """A case for every call of every class (of `most` of them, drawn at random)."""
        ranks, victim = (0, 0) if side == 0 else (2, side - 1)
        start = self.half if half else None
        for name, whats in faults.items():
            count = self.calls(scope, ranks, victim, start)[name]
            for what in whats:
                number = range(1, count + 2)  # past the last call: untouched
                if most and count > most:
                    number = sorted(random.Random(name + what).sample(number, most))
                row = (part, f"{name} {what}{' from there on' if follow else ''}",
                       f"{'half done' if half else 'new'}, {SIDES[side]}")
                for n in number:
                    fault = dict(scope, PSI_FAULT=f"{name}:{what}:{n}{follow}")
                    if ranks:
                        fault["PSI_FAULT_RANK"] = str(victim)
                    yield Case(row, ranks, fault, start, victim, **more)


def files(plan):
    """The results file, what it is made from, its locks, its folder."""
    scope = {"PSI_FAULT_FILES": "*/out*"}
    codes = {"codes": (5, 6), "text": r"s\.h5|results file"}
    for half in (False, True):
        yield from plan.every("results file", scope, FILE_FAULTS, half=half, **codes)
        yield from plan.every("results file", scope, {"write": ("ENOSPC", "EIO")}, half=half,
                              follow="+", **codes)
    yield from plan.every("results file", scope, FILE_FAULTS, side=2, **codes)
    yield from plan.every("results file", scope, {"write": ("ENOSPC", "kill"), "sync": ("EIO",)},
                          side=1, **codes)


def inputs(plan):
    """Job file and data files."""
    for name, glob in (("job file", "*/job.yaml"), ("data files", "*/data/*")):
        scope = {"PSI_FAULT_FILES": glob}
        text = r"job\.yaml" if name == "job file" else "ubyte"
        yield from plan.every(name, scope, INPUT_FAULTS, text=text)
        yield from plan.every(name, scope, {"open": ("EIO",), "read": ("EIO", "kill")}, side=2,
                              text=text)


def memory(plan):
    """No memory: for psisweep itself at every call, for the libraries at some."""
    own = {"codes": (3, 6), "text": "memory"}
    scope = {"PSI_FAULT_CALLER": "*psisweep"}
    for half in (False, True):
        yield from plan.every("memory, own", scope, {"memory": ("ENOMEM",)}, half=half, **own)
    yield from plan.every("memory, own", scope, {"memory": ("ENOMEM",)}, follow="+", most=200, **own)
    yield from plan.every("memory, own", scope, {"memory": ("ENOMEM",)}, side=2, **own)
    for name, glob, hard in (("libyaml", "*libyaml*", True), ("zlib", "*libz.*", True),
                             ("HDF5", "*libhdf5*", False), ("MPI", "*libmpi.*", False),
                             ("MPI modules", "*mca_*", False),
                             ("MPI run time", "*libopen-*", False)):
        yield from plan.every(f"memory, {name}", {"PSI_FAULT_CALLER": glob},
                              {"memory": ("ENOMEM",)}, most=60, hard=hard, **own)


def limits(plan):
    """Limits of the system: file size (a full disk for those without root), address space, open
    files."""
    size = plan.half.stat().st_size

    def limit(what, value):
        return lambda: resource.setrlimit(what, (value, value))

    for half in (False, True):
        start, word = (plan.half, "half done") if half else (None, "new")
        for bytes_ in range(4096, size + 2 * MIB, max(size // 20, 65536)):
            yield Case(("limits", "file size", f"{word}, 1 rank"), start=start,
                       before=limit(resource.RLIMIT_FSIZE, bytes_), codes=(5, 6))
        for mib in range(100, 900, 20):
            yield Case(("limits", "address space", f"{word}, 1 rank"), start=start, hard=False,
                       before=limit(resource.RLIMIT_AS, mib * MIB))
        for count in range(4, 64, 2):
            yield Case(("limits", "open files", f"{word}, 1 rank"), start=start, hard=False,
                       before=limit(resource.RLIMIT_NOFILE, count))


def clocks(plan):
    """Clocks that jump: that of the day both ways, the monotonic one ahead (it never goes back)."""
    for side in (0, 2):
        for name, jump in (("wall", "7200"), ("wall", "-7200"), ("wall", "-1800000000"),
                           ("steady", "7200")):
            for caller, most in (("*psisweep", 80), ("*", 40)):
                yield from plan.every("clocks", {"PSI_FAULT_CALLER": caller}, {name: (jump,)},
                                      side=side, most=most, follow="+", codes=())


def others(plan):
    """Every other file that the process touches: shared memory, MPI's own, its libraries' settings."""
    yield from plan.every("all files", {"PSI_FAULT_FILES": "*"},
                          {c: FILE_FAULTS[c][:2] for c in FILE_FAULTS}, most=40, hard=False)
