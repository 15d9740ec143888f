# SPDX-License-Identifier: Apache-2.0
"""Every decoder against bytes that nobody meant well.

Each target is one test: no fault in the given time, and at least COVERED_PERCENT_MIN of the lines
of the sources that tests/fuzz/covers.txt names for it. One more test is fuzz_planted, whose fault
has to be found by the very same command.
"""

import concurrent.futures
import glob
import json
import os
import re
import shutil

import ctest
import seeds
from result import FAILED, PASSED, Result, run

PRESET = "fuzz"
PLANTED = "fuzz_planted"
COVERS = os.path.join("tests", "fuzz", "covers.txt")
COVERED_PERCENT_MIN = 90.0
AT_ONCE = 2
PLANTED_SECONDS = 60
INPUT_SECONDS_MAX = 10
RSS_MB_MAX = 1024

ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def targets():
    """The fuzz targets of the configured preset."""
    _, output, _ = run(["ninja", "-C", f"build/{PRESET}", "-t", "targets", "all"], 60)
    return sorted(set(re.findall(r"^(fuzz_\w+): phony", output, re.MULTILINE)))


def covers():
    """target -> the sources that it is there to exercise."""
    table = {}
    with open(COVERS, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                table.setdefault(words[0], []).extend(words[1:])
    return table


def fuzz(target, seconds, keep_corpus):
    """Runs one target; returns (exit status, output, seconds, its profile)."""
    corpus = os.path.join("build", PRESET, "corpus", target)
    faults = os.path.join("build", PRESET, "faults")
    profile = os.path.join("build", PRESET, f"{target}.profraw")
    if not keep_corpus:
        shutil.rmtree(corpus, ignore_errors=True)
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(faults, exist_ok=True)
    if os.path.exists(profile):
        os.remove(profile)
    command = [f"build/{PRESET}/fuzz/{target}", f"-max_total_time={seconds}",
               f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={RSS_MB_MAX}",
               f"-artifact_prefix={faults}/{target}-", "-print_final_stats=1",
               corpus, *seeds.directories(target)]
    status, output, took = run(command, seconds * 2 + 120, dict(ENV, LLVM_PROFILE_FILE=profile))
    return status, output, took, profile


def line_counts(target, profile, sources):
    """(covered, all) lines of the sources, and what is wrong with the question, if anything."""
    merged = profile.replace(".profraw", ".profdata")
    binary = f"build/{PRESET}/fuzz/{target}"
    status, output, _ = run(["llvm-profdata", "merge", "-sparse", profile, "-o", merged], 120)
    if status != 0:
        return 0, 0, output
    status, output, _ = run(["llvm-cov", "export", "-summary-only", "-instr-profile", merged,
                             binary], 120)
    if status != 0:
        return 0, 0, output
    covered = total = 0
    measured = json.loads(output[output.index("{"):])["data"][0]["files"]
    for source in sources:
        lines = [entry["summary"]["lines"] for entry in measured
                 if entry["filename"] == source or entry["filename"].endswith("/" + source)]
        if not lines:
            return 0, 0, f"{COVERS}: {target} has no code of {source} in it"
        covered += lines[0]["covered"]
        total += lines[0]["count"]
    return covered, total, ""


def uncovered(target, profile, sources):
    """The lines that were never reached, for whoever has to reach them."""
    _, output, _ = run(["llvm-cov", "show", "-instr-profile",
                        profile.replace(".profraw", ".profdata"), f"build/{PRESET}/fuzz/{target}",
                        *(f"-sources={os.path.abspath(source)}" for source in sources)], 120)
    if not re.search(r"\|\s+0\|", output):
        _, output, _ = run(["llvm-cov", "show", "-instr-profile",
                            profile.replace(".profraw", ".profdata"),
                            f"build/{PRESET}/fuzz/{target}", *sources], 120)
    return "\n".join(line for line in output.splitlines() if re.search(r"\|\s+0\|", line))


def one(target, seconds, keep_corpus, sources):
    status, output, took, profile = fuzz(target, seconds, keep_corpus)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    if status != 0 or not executed:
        output += (f"\n{target}: exit status {status}. The input is under build/{PRESET}/faults; "
                   f"again: build/{PRESET}/fuzz/{target} FILE\n")
        return Result(target, FAILED, took, output)
    note = f"{int(executed[1]):,} executions in {took:.0f} s"
    if not sources:
        return Result(target, FAILED, took,
                      f"{COVERS} does not say which sources {target} is there to exercise", note)
    covered, total, wrong = line_counts(target, profile, sources)
    if wrong:
        return Result(target, FAILED, took, wrong, note)
    percent = 100.0 * covered / total
    note += f", {percent:.1f} % of {total} lines"
    if percent < COVERED_PERCENT_MIN:
        return Result(target, FAILED, took, f"{percent:.1f} % of the lines of {' '.join(sources)}, "
                      f"expected {COVERED_PERCENT_MIN} %. Never reached:\n"
                      + uncovered(target, profile, sources), note)
    return Result(target, PASSED, took, output, note)


def planted():
    """The set-up's own test."""
    name = "planted fault is found"
    status, output, took, _ = fuzz(PLANTED, PLANTED_SECONDS, False)
    for left in glob.glob(os.path.join("build", PRESET, "faults", PLANTED + "-*")):
        os.remove(left)
    if status != 0 and "heap-buffer-overflow" in output:
        return Result(name, PASSED, took)
    return Result(name, FAILED, took, output + f"\n{PLANTED}: exit status {status}: the heap "
                  f"overflow in tests/fuzz/planted.c was not found in {PLANTED_SECONDS} s\n")


def part(chosen):
    configured = ctest.configure(PRESET)
    if configured.outcome != PASSED:
        return [configured]
    names = targets()
    built = ctest.build(PRESET, names)
    if built.outcome != PASSED or PLANTED not in names:
        return [built] if built.outcome != PASSED else [Result(PLANTED, FAILED, 0.0, "no target")]
    names.remove(PLANTED)
    table = covers()
    results = [built, planted()]
    results += [Result(name, FAILED, 0.0, f"{COVERS} names {name}, there is no such target")
                for name in table if name not in names]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(one, name, chosen.fuzz_seconds, chosen.keep_corpus,
                            table.get(name, [])) for name in names]
        results += [run.result() for run in runs]
    return results
