# SPDX-License-Identifier: Apache-2.0
"""The tests again under sanitizers, and proof that the sanitizers would have spoken up."""

import os

import ctest
from result import FAILED, PASSED, Result, check, run

HERE = os.path.dirname(os.path.abspath(__file__))
LABELS = ("unit", "scenario", "integration")

ASAN_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
                    ":check_initialization_order=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
TSAN_ENV = {
    # A long history, or a report loses the stack by which the suppressions know libzmq.
    "TSAN_OPTIONS": f"suppressions={HERE}/tsan.supp:history_size=7:second_deadlock_stack=1",
}


def planted(kind, sanitizers, env, said):
    """A program with one planted fault, built as the preset is, must die and say why."""
    name = f"planted {kind} is found"
    program = f"build/planted/{kind}"
    os.makedirs("build/planted", exist_ok=True)
    built = check(name, ["clang", "-std=c11", "-O1", "-g", f"-fsanitize={sanitizers}",
                         "-fno-sanitize-recover=all", "-pthread", f"{HERE}/planted_{kind}.c",
                         "-lzmq", "-o", program])
    if built.outcome != PASSED:
        return built
    status, output, seconds = run([program], 60, env)
    if status != 0 and said in output:
        return Result(name, PASSED, seconds)
    return Result(name, FAILED, seconds, f"{output}\n{program} (planted_{kind}.c): exit status "
                                         f"{status}, expected a death with the words: {said}\n")


def sanitized(preset, env):
    built = ctest.build(preset)
    if built.outcome != PASSED:
        return [built]
    return [built] + ctest.test(preset, LABELS, env)


def asan_part(_):
    return [
        planted("overflow", "address,undefined", ASAN_ENV, "heap-buffer-overflow"),
        planted("undefined", "address,undefined", ASAN_ENV, "signed integer overflow"),
        planted("leak", "address,undefined", ASAN_ENV, "detected memory leaks"),
    ] + sanitized("asan", ASAN_ENV)


def tsan_part(_):
    return [
        planted("race", "thread", TSAN_ENV, "data race"),
    ] + sanitized("tsan", TSAN_ENV)
