# What the command-line tests share; sourced. Each test is `check NAME FUNCTION`; a function that
# returns non-zero fails. Prints cmocka's lines.
set -u
BUILD=${BUILD:-build}
psisweep=$PWD/$BUILD/psisweep
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PSISWEEP_CACHE=$work # shared copies of data sets go with it
failures=0

check() { # NAME COMMAND...
    local name=$1
    shift
    printf '[ RUN      ] %s\n' "$name"
    if "$@" >"$work/log" 2>&1; then
        printf '[       OK ] %s\n' "$name"
    else
        sed 's/^/    /' "$work/log" | tail -n 30
        printf '[  FAILED  ] %s\n' "$name"
        failures=$((failures + 1))
    fi
}

skip() { # NAME REASON
    printf '%s\n[  SKIPPED ] %s\n' "$2" "$1"
}

finish() {
    exit $((failures > 0))
}

# ranks N ARGUMENT...: psisweep on N ranks under a time limit; 0 = without mpirun.
ranks() {
    local n=$1
    shift
    if [ "$n" -eq 0 ]; then
        timeout -k 5 "${SECONDS_MOST:-300}" "$psisweep" "$@"
    else
        timeout -k 5 "${SECONDS_MOST:-300}" mpirun --oversubscribe -n "$n" "$psisweep" "$@"
    fi
}

# expect CODE TEXT COMMAND...: the exit code, and a text (extended regular expression, "" = any) on stderr.
expect() {
    local code=$1 text=$2 found
    shift 2
    "$@" >"$work/stdout" 2>"$work/stderr"
    found=$?
    [ "$found" -eq "$code" ] || {
        echo "expected exit code $code, found $found: $*"
        cat "$work/stderr"
        return 1
    }
    [ -z "$text" ] || grep -qE -- "$text" "$work/stderr" || {
        echo "expected '$text' on stderr of: $*"
        cat "$work/stderr"
        return 1
    }
}

# same A B: no difference but in who computed what and when. (An axis lists the variables that lie
# over it by reference; h5diff follows those and would compare the excluded ones after all.)
same() {
    local left_out=() name
    for name in seconds attempt rank launch; do
        left_out+=(--exclude-path "/dense_$name" --exclude-path "/${name/launch/run_launch}"
                   --exclude-path "/rescue_$name" --exclude-path "/ladder_$name")
    done
    for name in start ranks host slurm_job mpi hdf5 blas numerics; do
        left_out+=(--exclude-path "/launch_$name")
    done
    for name in arm seed density launch rung; do
        left_out+=(--exclude-attribute "/$name")
    done
    h5diff "${left_out[@]}" "$1" "$2"
}

# A network that is trained in milliseconds: a job file but for its arms and its grid.
small_net() { # NAME
    cat <<JOB
name: $1
data: {set: glyphs, train: 700, test: 300, validation: 100}
model: {hidden: [24, 12]}
train: {epochs: 2, batch: 50}
retrain: {epochs: 1, batch: 50}
JOB
}

# A sweep of a few seconds: 2 arms x 2 seeds x 4 densities.
small_job() { # NAME [DENSITIES [SEEDS]]
    small_net "$1"
    cat <<JOB
arms:
  - {criterion: magnitude}
  - {criterion: random, scope: layer}
grid: {density: [${2:-1, 0.3, 0.1, 0.03}], seeds: ${3:-2}}
JOB
}
