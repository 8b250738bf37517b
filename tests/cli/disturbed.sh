#!/usr/bin/env bash
# A results file that is removed, replaced, cut or grown under a running sweep, or loses its folder:
# every rank ends soon, one line says what has happened, exit code 5; a copy made before goes on.
. tests/cli/lib.sh

small_job disturbed | sed 's/retrain: {epochs: 1/retrain: {epochs: 300/' >"$work/job.yaml"
job=$work/job.yaml

# disturbed RANKS TEXT COMMAND...: COMMAND is run on FILE in $work/there when two cells are done
disturbed() {
    local ranks=$1 text=$2 n=0 code lines
    shift 2
    rm -rf "$work/there" && mkdir "$work/there"
    SECONDS_MOST=60 ranks "$ranks" run "$job" -q -o "$work/there/x.h5" >"$work/out" 2>"$work/err" &
    local launched=$!
    until "$psisweep" status "$work/there/x.h5" --json 2>/dev/null | grep -qE '"kind": "grid cells".*"done": [1-9]'; do
        [ $((n += 1)) -lt 300 ] || { cat "$work/err"; return 1; }
        sleep 0.05
    done
    cp "$work/there/x.h5" "$work/copy.h5"
    "$@" || return 1
    wait $launched
    code=$?
    cat "$work/err"
    lines=$(grep -c '^psisweep: .*x.h5: .*while in use' "$work/err")
    [ $code -eq 5 ] && [ "$lines" -eq 1 ] && grep -qE "$text" "$work/err" || { echo "code $code, $lines lines"; return 1; }
    # what was there before is whole, and a resumed copy ends as ever
    expect 0 '' "$psisweep" verify "$work/copy.h5" && ranks 2 run "$job" -q -o "$work/copy.h5" >/dev/null &&
        same "$work/whole.h5" "$work/copy.h5"
}

replace() { cp "$work/whole.h5" "$work/there/new.h5" && mv "$work/there/new.h5" "$work/there/x.h5"; }

unwritable() { # a folder that takes no file: one line, nothing tried
    expect 5 'cannot open the lock file' ranks 0 run "$job" -o /proc/x.h5 &&
        expect 5 'its folder: No such file' ranks 2 run "$job" -o "$work/gone/x.h5" &&
        ln -s "$work/gone.h5" "$work/astray.h5" &&
        expect 5 'a link to a file that is not there' ranks 2 run "$job" -o "$work/astray.h5"
}

check disturbed_whole ranks 2 run "$job" -q -o "$work/whole.h5"
check disturbed_removed disturbed 0 'is gone while in use: No such file' rm "$work/there/x.h5"
check disturbed_removed_ranks disturbed 3 'is gone while in use: No such file' rm "$work/there/x.h5"
check disturbed_folder_removed disturbed 2 'is gone while in use: No such file' rm -r "$work/there"
check disturbed_replaced disturbed 2 'was replaced by another file while in use' replace
check disturbed_cut disturbed 2 'was changed while in use: 20000 bytes, expected' truncate -s 20000 "$work/there/x.h5"
check disturbed_grown disturbed 2 'was changed while in use: [0-9]+ bytes, expected' truncate -s +1 "$work/there/x.h5"
check disturbed_unwritable unwritable
finish
