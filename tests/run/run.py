#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The test command: runs the parts that are asked for, says what each came to.

Its last line is `N passed, N failed[, N skipped]`, in tests; its exit status is 0 only when
none failed. docs/TESTING.md says which question each part answers.
"""

import argparse
import os
import sys
import time

import ctest
import fuzz
import lint
import sanitize
from result import FAILED, PASSED, SKIPPED, Result, tail


def build_part(_):
    return [ctest.build("dev"), ctest.build("clang")]


def dev_part(label):
    def part(_):
        built = ctest.build("dev")
        if built.outcome != PASSED:
            return [built]
        return ctest.test("dev", [label])

    return part


PARTS = {
    "build": build_part,
    "unit": dev_part("unit"),
    "scenario": dev_part("scenario"),
    "integration": dev_part("integration"),
    "lint": lint.part,
    "asan": sanitize.asan_part,
    "tsan": sanitize.tsan_part,
    "fuzz": fuzz.part,
}


def colour(outcome, text):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return {PASSED: "\033[32m", FAILED: "\033[31m", SKIPPED: "\033[33m"}[outcome] + text + "\033[0m"


def counts(results):
    """`N passed, N failed`, and the skipped when there are any."""
    number = {outcome: sum(result.outcome == outcome for result in results)
              for outcome in (PASSED, FAILED, SKIPPED)}
    words = f"{number[PASSED]} passed, {number[FAILED]} failed"
    if number[SKIPPED]:
        words += f", {number[SKIPPED]} skipped"
    return words


def worst(results):
    outcomes = [result.outcome for result in results]
    return FAILED if FAILED in outcomes or PASSED not in outcomes else PASSED


def report(part, results):
    for result in results:
        if result.outcome == FAILED:
            print(f"--- {part}: {result.name}: {colour(FAILED, 'failed')}")
            print(tail(result.output).rstrip())
            print(f"--- end of {result.name}")
        elif result.outcome == SKIPPED:
            reason = [line for line in result.output.splitlines() if "SKIP" in line]
            print(f"    {result.name}: {colour(SKIPPED, 'skipped')}  {' '.join(reason[:1])}")
        if result.note:
            print(f"    {result.name}: {result.note}")


def arguments():
    parser = argparse.ArgumentParser(prog="./build.sh test", description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz-seconds", type=int, default=20, metavar="N")
    parser.add_argument("--keep-corpus", action="store_true",
                        help="start fuzzing from what earlier runs found, too")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args()
    unknown = [name for name in chosen.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return chosen


def main():
    chosen = arguments()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    summary, everything = [], []
    for name in PARTS:
        if chosen.parts and name not in chosen.parts:
            continue
        print(f"=== {name}", flush=True)
        started = time.monotonic()
        results = PARTS[name](chosen) or [Result(name, FAILED, 0.0, "it ran no test at all")]
        seconds = time.monotonic() - started
        report(name, results)
        line = f"{name:<12} {seconds:6.0f} s  {counts(results)}"
        print(colour(worst(results), line), flush=True)
        summary.append((worst(results), line))
        everything += results
    print("===")
    for outcome, line in summary:
        print(colour(outcome, line))
    print(counts(everything))
    return 1 if any(result.outcome == FAILED for result in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
