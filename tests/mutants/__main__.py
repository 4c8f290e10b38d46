"""`python -m tests.mutants`: put each fault into a copy of the code and see whether tests notice."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.mutants.fault import DoesNotApply
from tests.mutants.registry import FAULTS
from tests.mutants.trial import copied_tree, prepare, run_tests, verdict

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition(": ")[2])
    parser.add_argument("--list", action="store_true", help="print the faults and stop")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this fault, or a room's; repeatable")
    parser.add_argument("--all", action="store_true", help="run the whole suite on each, slow tests too")
    options = parser.parse_args()
    asked = options.only or ["*"]
    chosen = [fault for fault in FAULTS if {"*", fault.name, fault.name.partition("/")[0]} & set(asked)]
    if not chosen:
        parser.error(f"--only {' '.join(asked)}: no such fault; --list names them")
    if options.list:
        for fault in chosen:
            print(f"{fault.name}: {fault.reason} ({fault.file})")
        return 0
    prepare()
    found: dict[str, list[str]] = {"caught": [], "survived": [], "does not apply": [], "broken": []}
    with copied_tree(ROOT) as copy:
        tests = sorted({test for fault in chosen for test in fault.tests})
        code, output = run_tests(copy, tests, everything=options.all)
        if code != 0:
            print(f"the tests fail without any fault:\n{output[-3000:]}", file=sys.stderr)
            return 2
        for number, fault in enumerate(chosen, start=1):
            started = time.monotonic()
            try:
                whole = fault.put_into(copy)
            except DoesNotApply as error:
                kind, by = "does not apply", str(error)
            else:
                kind, by = verdict(*run_tests(copy, fault.tests, everything=options.all))
                (copy / fault.file).write_text(whole, encoding="utf-8")
            found[kind].append(fault.name)
            seconds = time.monotonic() - started
            print(f"{number}/{len(chosen)} {kind}: {fault.name} ({seconds:.0f} s) {by}", flush=True)
    print(", ".join(f"{kind} {len(names)}" for kind, names in found.items()))
    missed = [name for kind, names in found.items() if kind != "caught" for name in names]
    if missed:
        print(f"not caught: {' '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
