#!/usr/bin/env bash
# tools/get-data against a server on loopback that behaves well, badly and worse, with each of the
# programs that it can fetch with.
. tests/cli/lib.sh
names='train-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz'
mkdir -p "$work/served"
for file in $names; do head -c $((90000 + ${#file} * 7)) /dev/urandom >"$work/served/$file"; done
(cd "$work/served" && for file in $names; do echo "$(sha256sum <$file | cut -d' ' -f1) $(stat -c %s $file) $file"; done) >"$work/sums"
/usr/bin/python3 tests/cli/get_data_server.py "$work/served" "$work/requests" >"$work/port" 2>/dev/null &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/port" ] && break || sleep 0.1; done
at=http://127.0.0.1:$(cat "$work/port")

get() { # DIR WAY... [-- OPTION...]
    local folder=$1 from=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do from+=(--from "$at/$1/"); shift; done
    [ $# -eq 0 ] || shift
    : >"$work/requests"
    GET_DATA_TOOL=$tool timeout 100 tools/get-data mnist "$folder" "${from[@]}" --sums "$work/sums" "$@"
}

whole() { # DIR: the files and nothing else
    [ "$(cd "$1" && echo *)" = "$(cd "$work/served" && echo *)" ] &&
        for file in $names; do cmp "$1/$file" "$work/served/$file" || return; done
}

fresh() { rm -rf "$work/got"; }
one_line() { [ "$(wc -l <"$work/stderr")" -eq 1 ] || { cat "$work/stderr"; return 1; }; }

fetched() {
    fresh
    expect 0 '' get "$work/got" good && whole "$work/got" && [ ! -s "$work/stderr" ] &&
        grep -q "data.path=$work/got" "$work/stdout" &&
        # again: nothing is asked for
        expect 0 '' get "$work/got" good && [ ! -s "$work/requests" ] &&
        # one file is missing
        rm "$work/got/t10k-labels-idx1-ubyte.gz" && expect 0 '' get "$work/got" good &&
        whole "$work/got" && [ "$(wc -l <"$work/requests")" -eq 1 ]
}

mirrors() { # the first has none, the second others, the third is well
    fresh
    expect 0 '' get "$work/got" missing wrong good && whole "$work/got"
}

broken() { # each connection breaks after two thirds: it goes on from there
    fresh
    expect 0 '' get "$work/got" cut && whole "$work/got" &&
        [ "$(grep -c '^cut train-images' "$work/requests")" -gt 3 ] &&
        awk '$1 == "cut" && $2 ~ /train-images/ { if ($3 < last) bad = 1; last = $3 } END { exit bad || last == 0 }' "$work/requests"
}

resumed() { # what an earlier, killed one has left
    fresh
    mkdir "$work/got"
    head -c 50000 "$work/served/train-images-idx3-ubyte.gz" >"$work/got/train-images-idx3-ubyte.gz.part"
    expect 0 '' get "$work/got" good && whole "$work/got" && grep -q 'train-images-idx3-ubyte.gz 50000' "$work/requests" || return
    # all of it, but for the name
    fresh
    mkdir "$work/got"
    cp "$work/served/train-images-idx3-ubyte.gz" "$work/got/train-images-idx3-ubyte.gz.part"
    : >"$work/got/train-images-idx3-ubyte.gz.part.log"
    expect 0 '' get "$work/got" good && whole "$work/got" || return
    # of a server without ranges it is fetched from the beginning
    fresh
    mkdir "$work/got"
    head -c 50000 "$work/served/train-images-idx3-ubyte.gz" >"$work/got/train-images-idx3-ubyte.gz.part"
    expect 0 '' get "$work/got" plain && whole "$work/got" || return
    # what was left is of something else, or too long: found by the checksum, fetched anew
    fresh
    mkdir "$work/got"
    head -c 50000 /dev/zero >"$work/got/train-images-idx3-ubyte.gz.part"
    head -c 500000 /dev/zero >"$work/got/t10k-labels-idx1-ubyte.gz.part"
    expect 0 '' get "$work/got" good good && whole "$work/got"
}

refused() { # one line that says what and why, and nothing under a file's name
    local way why
    for way in missing:404 wrong:checksum 'once:(byte ranges|wget ended with code 4|bytes, expected)' endless:checksum; do
        fresh
        why=${way#*:} way=${way%:*}
        expect 5 "train-images-idx3-ubyte.gz cannot be had: $at/$way/.*$why" get "$work/got" "$way" && one_line &&
            [ -z "$(find "$work/got" -name '*.gz')" ] || { echo "$way"; return 1; }
        find "$work/got" -size +300k | grep . && return 1
    done
    fresh
    expect 5 "cannot be had" env GET_DATA_TOOL=$tool timeout 60 tools/get-data mnist "$work/got" --from http://127.0.0.1:9/ && one_line
}

for tool in curl wget python3; do
    command -v $tool >/dev/null || { skip "get_data_$tool" "no $tool"; continue; }
    check "get_data_${tool}_fetched" fetched
    check "get_data_${tool}_mirrors" mirrors
    check "get_data_${tool}_broken" broken
    check "get_data_${tool}_resumed" resumed
    check "get_data_${tool}_refused" refused
done
tool=python3

usage() {
    expect 2 'which set' tools/get-data && expect 2 "found 'svhn'" tools/get-data svhn &&
        expect 2 'no option' tools/get-data mnist --bogus && expect 2 'needs a value' tools/get-data mnist --from &&
        expect 2 'one set and one folder' tools/get-data mnist a b &&
        expect 5 'cannot be read' tools/get-data mnist "$work/got" --sums "$work/none" &&
        echo 'junk here' >"$work/junk" && expect 2 'expected SHA-256' tools/get-data mnist "$work/got" --sums "$work/junk" &&
        expect 6 'needs curl' env GET_DATA_TOOL=none-such tools/get-data mnist "$work/got" &&
        tools/get-data --help | grep -q '^Usage'
}

folders() { # one that cannot be written, a file that is another one
    : >"$work/file"
    expect 5 'cannot be written' get "$work/file/x" good && one_line || return
    fresh
    mkdir "$work/got" && echo mine >"$work/got/t10k-labels-idx1-ubyte.gz"
    expect 5 't10k-labels-idx1-ubyte.gz is there, but' get "$work/got" good && one_line &&
        [ "$(cat "$work/got/t10k-labels-idx1-ubyte.gz")" = mine ]
}

alone() { # two at once in one folder
    fresh
    mkdir "$work/got"
    exec 8<"$work/got"
    flock 8
    expect 6 'another get-data works' get "$work/got" good && one_line
    local code=$?
    exec 8<&-
    return $code
}

killed() { # at any moment: the next one finishes, once what the killed one began has ended
    local i
    fresh
    for i in 1 2 3 4 5 6 7 8 9; do
        GET_DATA_TOOL=$tool tools/get-data mnist "$work/got" --from "$at/cut/" --sums "$work/sums" >/dev/null 2>&1 &
        sleep "0.$i"
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        for file in "$work"/got/*.gz; do
            [ ! -e "$file" ] || cmp "$file" "$work/served/$(basename "$file")" || return
        done
    done
    for i in $(seq 50); do
        get "$work/got" good good >/dev/null 2>"$work/said"
        [ $? -eq 6 ] && sleep 0.1 || break
    done
    whole "$work/got" || cat "$work/said"
    whole "$work/got"
}

bar() { # on a terminal it says how far it is
    fresh
    GET_DATA_TOOL=$tool script -qec "tools/get-data mnist $work/got --from $at/good/ --sums $work/sums" /dev/null >"$work/terminal" &&
        grep -q 'train-images.*\[####*\] 100 %' "$work/terminal" && whole "$work/got"
}

cifar() {
    local b=$work/cifar-10-batches-bin
    mkdir "$b"
    for file in data_batch_{1,2,3,4,5}.bin test_batch.bin batches.meta.txt; do truncate -s 30730000 "$b/$file"; done
    tar -C "$work" --sort=name -czf "$work/served/cifar-10-binary.tar.gz" cifar-10-batches-bin
    echo "$(sha256sum <"$work/served/cifar-10-binary.tar.gz" | cut -d' ' -f1) $(stat -c %s "$work/served/cifar-10-binary.tar.gz") cifar-10-binary.tar.gz" >"$work/sums10"
    for _ in 1 2; do
        : >"$work/requests"
        expect 0 '' tools/get-data cifar10 "$work/ten" --from "$at/good/" --sums "$work/sums10" &&
            [ "$(cd "$work/ten" && echo *)" = "data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin test_batch.bin" ] || return
    done
    [ ! -s "$work/requests" ] && # the second time nothing was fetched; the program takes them
        "$psisweep" run jobs/quickstart.yaml --set data.set=cifar10 --set data.path="$work/ten" --print-config >/dev/null
}

check get_data_usage usage
check get_data_folders folders
if command -v flock >/dev/null; then check get_data_alone alone; else skip get_data_alone 'no flock'; fi
check get_data_killed killed
if script -qec true /dev/null >/dev/null 2>&1; then check get_data_bar bar; else skip get_data_bar 'no terminal can be made'; fi
check get_data_cifar cifar
finish
