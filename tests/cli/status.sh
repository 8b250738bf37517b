#!/usr/bin/env bash
# status: what it says of a finished, a running, a killed, a failed and an unborn sweep, and that it
# agrees with `run` on what is complete.
. tests/cli/lib.sh

small_job status | sed 's/^grid: {/grid: {refine: {factor: 2, around: 0.5}, /' >"$work/job.yaml"
echo 'rescue: {cells: 1, finetune: [1]}' >>"$work/job.yaml"
job=$work/job.yaml

status() { "$psisweep" status "$@"; }

# field FILE EXPRESSION: of status --json, as d
field() {
    "$psisweep" status "$1" --json >"$work/json"
    /usr/bin/python3 -c "
import json, sys
d = json.load(open('$work/json'))
kinds = {k['kind']: k for k in d['kinds']}
arms = {a['arm']: a for a in d['arms']}
sys.exit(not ($2))" || { cat "$work/json"; return 1; }
}

finished() {
    ranks 2 run "$job" -q -o "$work/whole.h5" && expect 0 '' status "$work/whole.h5" &&
        grep -q 'whole.h5: complete' "$work/stdout" && grep -q 'nobody is at work' "$work/stdout" &&
        field "$work/whole.h5" "d['schema'] == 'psisweep-status-1' and d['exit_code'] == 0
            and d['done'] == d['wanted'] == sum(k['wanted'] for k in d['kinds'])
            and kinds['dense parents']['done'] == 2 and kinds['grid cells']['done'] == 16
            and kinds['added cells']['done'] > 0 and kinds['added cells']['skipped'] > 0
            and kinds['ladders']['done'] > 0 and d['share'] == 1 and d['core_seconds_left'] == 0
            and d['launches'][0]['ranks'] == 2 and d['failures'] == []
            and sum(a['done'] for a in d['arms']) == 16 + kinds['added cells']['done']"
}

# changed NAME CODE: whole.h5 with python on it as `file`; the exit code of status is CODE, and what
# status calls pending, run computes: no more, no less.
changed() {
    cp "$work/whole.h5" "$work/$1.h5"
    /usr/bin/python3 -c "
import h5py
with h5py.File('$work/$1.h5', 'r+') as file:
    $3" && expect "$2" '' status "$work/$1.h5"
}

unplanned() { # done grid, nothing decided yet of what is added: not complete
    changed unplanned 4 "g = file['status']; g[...] = [[[x if i % 2 == 0 else 0 for i, x in enumerate(r)] for r in s] for s in g[...]]; file['ladder_status'][...] = 0" &&
        field "$work/unplanned.h5" "kinds['added cells']['pending'] > 0
            and not kinds['ladders']['decided'] and d['share'] < 1" &&
        ranks 0 run "$job" -q -o "$work/unplanned.h5" && expect 0 '' status "$work/unplanned.h5" &&
        same "$work/whole.h5" "$work/unplanned.h5" &&
        changed ladders 4 "file['ladder_status'][...] = 0" &&
        changed marks 4 "g = file['status'][...]; g[g == 4] = 0; file['status'][...] = g" &&
        changed one 4 "file['status'][1, 0, 2] = 1" &&
        field "$work/one.h5" "arms['random']['pending'] == 1 and arms['magnitude']['pending'] == 0
            and d['running'] == 0 and d['core_seconds_left'] > 0"
}

failed() { # 3; a failed parent takes its cells with it
    changed failed 3 "file['status'][1, 1, 6] = 3; file['failure'][1, 1, 6] = 5; file['attempt'][1, 1, 6] = 2" &&
        grep -q 'failed: cell, seed .*, random, density 0.03: numeric, after 2 attempts' "$work/stdout" &&
        field "$work/failed.h5" "d['state'] == 'failed' and d['failed'] == 1
            and d['failures'][0]['cause'] == 'numeric' and d['failures'][0]['arm'] == 'random'" &&
        changed parent 3 "file['dense_status'][0] = 3; file['status'][0:2, 0, 0] = 0" &&
        field "$work/parent.h5" "d['failed'] == 3 and d['pending'] == 0"
}

running() { # while it runs: at work, by whom, what runs; after a kill: nobody, and what ran is pending
    ranks 2 run "$job" --set retrain.epochs=100000 -q -o "$work/slow.h5" >/dev/null 2>&1 &
    local launched=$! n=0
    until field "$work/slow.h5" "d.get('running', 0) >= 2" >/dev/null 2>&1; do
        [ $((n += 1)) -lt 200 ] || return 1
        sleep 0.1
    done
    local pids=$(pgrep -f "^$psisweep run .*$work/slow.h5")
    expect 4 '' status "$work/slow.h5" &&
        grep -qE "at work: host .*, process [0-9]+, since 20" "$work/stdout" &&
        field "$work/slow.h5" "d['at_work'] == 'launch' and d['running'] == 2 and d['seconds_left'] > 0
            and not kinds['added cells']['decided'] and d['launches'][-1]['ranks'] == 2" &&
        expect 6 'in use by another psisweep run .host .*, process [0-9]+, since 20' \
            ranks 0 run "$job" --set retrain.epochs=100000 -o "$work/slow.h5"
    local found=$?
    kill -9 $pids
    wait $launched
    [ $found -eq 0 ] && sleep 1 && expect 4 '' status "$work/slow.h5" &&
        grep -q 'nobody is at work; the same run command goes on' "$work/stdout" &&
        field "$work/slow.h5" "d['running'] == 0 and d['at_work'] == 'nobody' and d['seconds_left'] is None"
}

unborn() {
    expect 5 'absent.h5.*No such file' status "$work/absent.h5" || return 1
    : >"$work/absent.h5.tmp"
    expect 4 '' status "$work/absent.h5" && grep -q 'died while it created the file' "$work/stdout" || return 1
    flock "$work/.absent.h5.leader.lock" "$psisweep" status "$work/absent.h5" >"$work/stdout"
    [ $? -eq 4 ] && [ "$(cat "$work/stdout")" = "$work/absent.h5: is being created: host and process not known" ] &&
        flock "$work/.absent.h5.leader.lock" "$psisweep" status "$work/absent.h5" --json | grep -q '"state": "creating"'
}

watch() { # a line each time, and it ends with the sweep
    : >"$work/seen.h5.tmp" # or there is nothing to look at yet
    (timeout 60 "$psisweep" status "$work/seen.h5" --watch=0.1 >"$work/seen"; echo "code $?" >>"$work/seen") &
    sleep 0.1
    ranks 2 run "$job" -q -o "$work/seen.h5" >/dev/null
    wait
    cat "$work/seen"
    [ "$(tail -n 1 "$work/seen")" = 'code 0' ] && tail -n 2 "$work/seen" | grep -q 'complete, .* records done, 0 running, 0 failed'
}

wrong() {
    expect 2 'a results file is needed' status && expect 2 "a second: 'b'" status a b &&
        expect 2 "expected .1 to 86400 seconds, found '0'" status a --watch=0 || return 1
    head -c 5000 "$work/whole.h5" >"$work/cut.h5"
    expect 5 'cut.h5: not an intact HDF5 file' status "$work/cut.h5" &&
        expect 5 'nowhere/x.h5: its folder: No such file' status "$work/nowhere/x.h5" &&
        expect 5 'not a regular file' status "$work"
}

reads_only() { # nothing is written or created, in a folder that is not ours
    mkdir "$work/theirs" && cp "$work/whole.h5" "$work/theirs/x.h5" && chmod a-w "$work/theirs" "$work/theirs/x.h5"
    status "$work/theirs/x.h5" >/dev/null && [ "$(ls -A "$work/theirs")" = x.h5 ] && cmp "$work/whole.h5" "$work/theirs/x.h5"
    local found=$?
    chmod u+w "$work/theirs"
    return $found
}

check status_finished finished
check status_unplanned_is_incomplete unplanned
check status_failed failed
check status_running_and_killed running
check status_unborn unborn
check status_watch watch
check status_wrong wrong
check status_reads_only reads_only
finish
