# SPDX-License-Identifier: Apache-2.0
"""Every decoder against bytes that nobody meant well.

Each target is one test: no fault in the given time, and at least COVERED_PERCENT_MIN of the lines
of the sources that tests/fuzz/covers.txt names for it. One more test is fuzz_planted, whose fault
has to be found by the very same command.
"""

import concurrent.futures
import glob
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


def executions_by_line(target, profile):
    """source -> {line number: how often it was executed}, and an error text."""
    merged = profile.replace(".profraw", ".profdata")
    status, output, _ = run(["llvm-profdata", "merge", "-sparse", profile, "-o", merged], 120)
    if status != 0:
        return {}, output
    status, output, _ = run(["llvm-cov", "export", "-format=lcov", "-instr-profile", merged,
                             f"build/{PRESET}/fuzz/{target}"], 120)
    if status != 0:
        return {}, output
    by_source, lines = {}, {}
    for line in output.splitlines():
        if line.startswith("SF:"):
            lines = by_source.setdefault(line[3:], {})
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = int(count)
    return by_source, ""


def coverage(target, profile, sources):
    """(share of the sources' lines that were reached, number of lines, the unreached, error)."""
    by_source, wrong = executions_by_line(target, profile)
    total, unreached = 0, []
    for source in sources:
        found = [lines for name, lines in by_source.items() if ("/" + name).endswith("/" + source)]
        if not found and not wrong:
            wrong = f"{COVERS}: {target} has no code of {source} in it"
        if wrong:
            return 0.0, 0, [], wrong
        with open(source, encoding="utf-8") as file:
            text = file.read().splitlines()
        total += len(found[0])
        unreached += [f"{source}:{number}: {text[number - 1]}"
                      for number, count in sorted(found[0].items()) if count == 0]
    return 100.0 * (total - len(unreached)) / max(total, 1), total, unreached, ""


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
    percent, total, unreached, wrong = coverage(target, profile, sources)
    if wrong:
        return Result(target, FAILED, took, wrong, note)
    note += f", {percent:.1f} % of {total} lines"
    if percent < COVERED_PERCENT_MIN:
        unreached.append(f"{percent:.1f} % of {total} lines reached, expected "
                         f"{COVERED_PERCENT_MIN} %; those above were not")
        return Result(target, FAILED, took, "\n".join(unreached), note)
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
