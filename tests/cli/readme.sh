#!/usr/bin/env bash
# The README says what the program says: keys of a job file, variables of a results file.
. tests/cli/lib.sh

# with every axis that a file can have
small_job readme 0.5 1 | sed 's/^arms:/rescue: {cells: 1}\narms:\n  - {name: chain, schedule: iterative, restart: rewind, rewind: 1}/' >"$work/job.yaml"

keys() {
    "$psisweep" run --print-keys >"$work/keys.md" &&
        sed -n '/^<!-- psisweep run --print-keys -->$/,/^<!-- end of keys -->$/p' README.md |
        sed '1d;$d' | diff "$work/keys.md" -
}

variables() { # name | axes | unit | meaning, all but the axes themselves
    ranks 0 run "$work/job.yaml" -q -o "$work/x.h5" >/dev/null && /usr/bin/python3 - "$work/x.h5" <<'PY'
import h5py, re, sys

def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)

readme = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", open("README.md").read(), re.M))
file = h5py.File(sys.argv[1])
for name, variable in file.items():
    axes = [(list(d.keys()) or [name])[0] for d in variable.dims]
    bare = [n for n, v in file.items() if v.attrs.get("NAME", b"").startswith(b"This is a netCDF")]
    axes = [next(n for n in bare if file[n].shape[0] == variable.shape[i]) if a.startswith("This is a netCDF") else a
            for i, a in enumerate(axes)]
    if axes == [name]:
        continue
    row = " | ".join([", ".join(axes), text(variable.attrs.get("units", "")), text(variable.attrs["long_name"])])
    if readme.pop(name, None) != row.replace("|W|", r"\|W\|"):
        sys.exit("README.md, schema: expected\n| `%s` | %s |" % (name, row))
PY
}

jobs() { # every job file there is can be read
    for job in jobs/*.yaml; do
        "$psisweep" run "$job" --print-config >/dev/null || return 1
    done
}

check readme_keys keys
check readme_variables variables
check readme_jobs jobs
finish
