#!/usr/bin/env bash
# Some cases of the crash matrix (tools/crash-matrix) of every part, the same ones each time; five
# times as many with PSI_LONG, all by make crash-matrix. And that its judge sees what it is there to
# see.
. tests/cli/lib.sh

matrix() { # CASES OPTION...: so many of each part; some have to have struck
    local cases=$1
    [ -z "${PSI_LONG-}" ] || cases=$((5 * cases))
    shift
    tools/crash-matrix --cases "$cases" "$@" --jobs 4 --output "$work/reliability.md" &&
        grep -qE '^\| \*\*[1-9][0-9]*\*\* \|' "$work/reliability.md"
}

sees_damage() {
    /usr/bin/python3 -B - "$work" <<'PY'
import pathlib, shutil, sys
sys.path.insert(0, "tests/fault")
import h5py, judge, sweep

slot = sweep.Slot(pathlib.Path(sys.argv[1]) / "slot")
assert slot.run(0).code == 0
whole = slot.folder / "whole.h5"
shutil.copyfile(slot.file, whole)
reference = sweep.Reference(whole)
before = reference.read(whole)
assert judge.judge_file(reference, slot, before, True)[0] == []

def with_change(change, *expected):
    shutil.copyfile(whole, slot.file)
    with h5py.File(slot.file, "r+") as file:
        change(file)
    bad, _ = judge.judge_file(reference, slot, before, True)
    assert [b.split(":")[0] for b in bad] == list(expected), bad

def number(file):
    file["loss"][1, 0, 1, 1] += 1e-12

def status(file):
    file["status"][1, 0, 1] = 1

def attempt(file):
    file["attempt"][0, 0, 0] += 1

with_change(number, "lost", "unequal")
with_change(status, "lost", "unequal")
with_change(attempt, "lost")
slot.file.write_bytes(whole.read_bytes()[:5000])
assert judge.judge_file(reference, slot, before, True)[0] == ["unreadable"]

# every way to end is told apart
case = judge.Case(("part", "fault", "run"), fault={"PSI_FAULT": "write:EIO:1"})
def ended(code, errors, left={}, case=case):
    return judge.judge_end(case, sweep.Outcome(code, errors, "", left, 0), 1)[0]
assert ended(5, "psisweep: s.h5: no\n") == []
assert ended(5, "psisweep: no\n") == ended(5, "") == ["message"]
assert ended(6, "psisweep: s.h5: no\n") == ["exit code"]
assert ended(139, "") == ended(-11, "") == ended(1, "exited on signal 11") == ["crashes"]
rank, mpirun = {101: 0, 100: -1}, {100: -1}
assert ended(None, "", rank) == ended(None, "", mpirun) == ["hangs"]
killed = judge.Case(("part", "fault", "run"), fault={"PSI_FAULT": "write:kill:1"})
assert ended(None, "", rank, killed) == ["hangs"] and ended(None, "", mpirun, killed) == []
assert ended(4, "psisweep: rank 0 was lost; go on\n", case=killed) == []
assert ended(4, "", case=killed) == ["exit code"]
PY
}

check faults_judge_sees_damage sees_damage
taken() { # what a rank that dies while it opens a file would leave to all sweeps of that file name
    local semaphore=/dev/shm/sem.OMPIO_taken-$$.h5
    small_job taken "1, 0.1" 1 >"$work/taken.yaml"
    head -c 32 /dev/zero >"$semaphore"
    SECONDS_MOST=120 ranks 2 run "$work/taken.yaml" -q -o "$work/taken-$$.h5"
    local code=$?
    rm -f "$semaphore"
    return $code
}

check faults_semaphore_taken taken
check faults_new_file matrix 12 --part files --row 'write ENOSPC / new'
check faults_every_part matrix 5
finish
