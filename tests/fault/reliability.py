"""The page results/reliability.md."""
import collections
import pathlib
import platform
import re

import judge

HERE = pathlib.Path(__file__).parent
COLUMNS = {"lost": "done lost", "unreadable": "unreadable", "hangs": "hangs", "crashes": "crashes",
           "unequal": "unequal", "resume": "not resumed", "exit code": "exit code wrong",
           "message": "message wrong"}


def ends(counter):
    def word(end):
        return end if not end.isdigit() else f"exit {end}"
    return ", ".join(f"{word(e)}: {n}" for e, n in sorted(counter.items(), key=lambda i: -i[1]))


def table(rows):
    yield "| fault | run | faults | how the run ended | " + " | ".join(COLUMNS.values()) + " |"
    yield "| --- | --- | --- | --- |" + " --- |" * len(COLUMNS)
    for (_, fault, where), row in sorted(rows.items()):
        bad = " | ".join(str(row.bad[k]) for k in COLUMNS)
        yield f"| {fault} | {where} | {row.fired} | {ends(row.ends)} | {bad} |"


def totals(rows):
    total = collections.Counter()
    for (part, fault, _), row in rows.items():
        total.update(row.bad)
        total["faults"] += row.fired
        if part == "kills" or re.search(r" (kill|torn)$", fault):
            total["kills"] += row.fired
    return total


def page(rows, left, seconds, version, options):
    parts = collections.defaultdict(dict)
    for row in sorted(rows):
        parts[row[0]][row] = rows[row]
    total = totals(rows)
    linux = platform.release().split("-")[0]
    counts = [total["faults"], total["kills"], *(total[k] for k in COLUMNS)]
    lines = ["# Reliability", "",
             f"Made by `tools/crash-matrix{' ' + options if options else ''}` (`make crash-matrix`) "
             f"in {seconds / 60:.0f} minutes, with {version}, Linux {linux}.", ""]
    lines += ["| faults that struck | SIGKILLs among them | " + " | ".join(COLUMNS.values()) + " |",
              "|" + " --- |" * len(counts),
              "| " + " | ".join(f"**{n}**" for n in counts) + " |", ""]
    lines += [(HERE / "reliability_head.md").read_text().strip(), ""]
    for name, of_part in parts.items():
        lines += [f"## {name[0].upper()}{name[1:]}", "", *table(of_part), ""]
    cut = {n: c for n, c in left.items() if c}
    if cut:
        lines += ["Left out for want of time: " + ", ".join(f"{c} cases of {n}" for n, c in cut.items())
                  + ".", ""]
    wrong = [(row, e) for row, r in rows.items() for e in r.examples]
    if wrong:
        lines += ["## What went wrong", ""] + [f"- {' / '.join(r)}: `{e[:400]}`" for r, e in wrong] + [""]
    return "\n".join(lines)
