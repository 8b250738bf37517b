#!/usr/bin/env bash
# doctor: nothing to complain of here, and each hazard that can be made here is told with what to do.
. tests/cli/lib.sh

doctor() { timeout -k 5 200 "$psisweep" doctor "$@"; }

# sees HEALTH CHECK TEXT: a line of the last output
sees() {
    grep -qE "^$1 +$2 +.*$3" "$work/stdout" || { echo "expected: $1 $2 $3"; cat "$work/stdout"; return 1; }
}

fine() { # nothing stays behind
    mkdir "$work/place"
    expect 0 '' doctor "$work/place" && [ -z "$(ls -A "$work/place")" ] || { cat "$work/stdout"; return 1; }
    local name
    for name in processor cores BLAS HDF5 MPI mpirun 'shared memory' TMPDIR clock folder path 'file system' room sync \
        flock 'fcntl locks' 'results file' "leader's lock" 'two-rank sweep'; do
        grep -qE "^(ok|warning) +$name " "$work/stdout" || { echo "no line: $name"; return 1; }
    done
    sees ok 'two-rank sweep' 'complete and intact'
}

json() {
    expect 0 '' doctor "$work/place" --json && /usr/bin/python3 -c "
import json
d = json.load(open('$work/stdout'))
assert d['schema'] == 'psisweep-doctor-1' and d['worst'] in ('ok', 'warning') and len(d['checks']) > 18
for c in d['checks']:
    assert (c['advice'] is None) == (c['health'] == 'ok'), c"
}

folders() {
    expect 6 '' doctor "$work/absent" && sees problem folder 'No such file' && expect 6 '' doctor /proc && sees problem folder . &&
        ! grep -q 'two-rank' "$work/stdout" && expect 2 "a second: 'b'" doctor a b || return 1
    local deep="$work/$(printf '%0120d' 0)/$(printf '%0120d' 0)"
    mkdir -p "$deep" && expect 6 '' doctor "$deep" && sees problem path '[0-9]+ bytes' && grep -q 'at most 244 bytes' "$work/stdout" || return 1
    # results fit, what is tried there does not
    local long=$work/
    long=$long$(printf '%0*d' $((200 - ${#long})) 0)
    mkdir "$long" && expect 0 '' doctor "$long" && sees warning path '200 bytes' && grep -q 'too long to try a sweep' "$work/stdout" &&
        ! grep -q 'two-rank' "$work/stdout"
}

input() { # what is to be read next is not its own
    mkdir -p "$work/place"
    printf 'a\nb\n' | { doctor "$work/place" >"$work/stdout"; cat; } >"$work/kept"
    sees ok 'two-rank sweep' 'complete' && [ "$(cat "$work/kept")" = $'a\nb' ]
}

no_mpirun() {
    mkdir -p "$work/bin"
    local tool
    for tool in sh head; do ln -sf "$(command -v $tool)" "$work/bin/$tool"; done
    PATH=$work/bin expect_here 6 && sees problem mpirun 'not found' && sees problem 'two-rank sweep' 'does not start'
}

expect_here() { # CODE: without what PATH has lost
    "$psisweep" doctor "$work/place" >"$work/stdout" 2>&1
    local found=$?
    [ $found -eq "$1" ] || { echo "exit code $found"; return 1; }
}

bad_mpirun() { # its last words are told
    mkdir -p "$work/worse"
    printf '#!/bin/sh\n[ "$1" = --version ] && echo "mpirun (Open MPI) 9.9.9" && exit 0\necho the network is down >&2\nexit 3\n' >"$work/worse/mpirun"
    chmod +x "$work/worse/mpirun"
    PATH=$work/worse:$PATH expect 6 '' doctor "$work/place" && sees problem mpirun '9.9.9' &&
        sees problem 'two-rank sweep' 'exit code 3: the network is down' && [ -z "$(ls -A "$work/place")" ]
}

root() { # only where the tests run as root
    env -u OMPI_ALLOW_RUN_AS_ROOT -u OMPI_ALLOW_RUN_AS_ROOT_CONFIRM timeout 100 "$psisweep" doctor "$work/place" >"$work/stdout"
    [ $? -eq 6 ] && sees problem root 'refuses' && grep -q 'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1' "$work/stdout" &&
        sees problem 'two-rank sweep' 'exit code'
}

environment() {
    TMPDIR=$work/absent expect 6 '' doctor "$work/place" && sees problem TMPDIR 'absent: not writable' || return 1
    (ulimit -f 20000; doctor "$work/place" >"$work/stdout"; sees warning 'ulimit -f' 'at most')
}

no_locks() {
    expect 6 '' env LD_PRELOAD="$PWD/$BUILD/tests/cli/no_locks.so" timeout 100 "$psisweep" doctor "$work/place" &&
        sees problem flock 'does not keep two processes apart' && sees problem "leader's lock" 'not seen'
}

check doctor_fine fine
check doctor_json json
check doctor_folders folders
check doctor_input input
check doctor_no_mpirun no_mpirun
check doctor_bad_mpirun bad_mpirun
if [ "$(id -u)" -eq 0 ]; then check doctor_root root; else skip doctor_root 'not root here'; fi
check doctor_environment environment
check doctor_no_locks no_locks
finish
