#!/usr/bin/env python3
"""What `psisweep plan` says of a sweep beside what the sweep then takes.

    tools/bench_plan.py JOB.yaml RANKS [--set KEY=VALUE ...]

Plans, runs on RANKS ranks, plans again, so that other load on the machine meets both; the forecast is
the mean of the two. Wall times say something on a quiet machine alone, processor times on any that is
not too busy; the largest peak of a rank's memory is VmHWM, read while the ranks run.
"""
import glob, json, os, resource, subprocess, sys, tempfile, threading, time

program = os.path.join(os.environ.get("BUILD", "build"), "psisweep")
job, ranks, more = sys.argv[1], sys.argv[2], sys.argv[3:]
peak = 0


def plan():
    out = subprocess.run([program, "plan", job, "--json", "--ranks", ranks] + more,
                         stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)


def watch(path, stop):
    global peak
    while not stop.is_set():
        for status in glob.glob("/proc/[0-9]*/status"):
            try:
                command = open(os.path.dirname(status) + "/cmdline", "rb").read()
                if path.encode() not in command or b"mpirun" in command.split(b"\0")[0]:
                    continue
                for line in open(status):
                    if line.startswith("VmHWM:"):
                        peak = max(peak, int(line.split()[1]) * 1024)
            except OSError:
                pass
        time.sleep(0.1)


def run(path):
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(path, stop))
    watcher.start()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["tools/launch", ranks, program, "run", job, "-q", "-o", path] + more,
                   stdout=subprocess.DEVNULL, check=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    stop.set()
    watcher.join()
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def line(what, forecast, real):
    print("%-22s %12.6g %12.6g %+8.1f %%" % (what, forecast, real, 100 * (forecast / real - 1)))


first = plan()
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "sweep.h5")
    wall, processor = run(path)
    size = os.path.getsize(path)
second = plan()


def mean(key):
    return (key(first) + key(second)) / 2


print("%s %s on %s ranks; load %.1f" % (job, " ".join(more), ranks, os.getloadavg()[1]))
print("%-22s %12s %12s %10s" % ("", "forecast", "run", "off by"))
line("wall time, s", mean(lambda p: p["ranks"][0]["wall_seconds"]), wall)
line("core-seconds", mean(lambda p: p["ranks"][0]["core_seconds"]), processor)
line("bytes of the file", first["bytes"], size)
line("memory of a rank, MB", mean(lambda p: p["memory_bytes"]) * 1e-6, peak * 1e-6)
print("work of the two pilots: %.1f and %.1f s" % (first["work_seconds"], second["work_seconds"]))
