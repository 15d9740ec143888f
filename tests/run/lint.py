# SPDX-License-Identifier: Apache-2.0
"""What can be said of the code without running it. Each check is one test."""

import concurrent.futures
import glob
import json
import os
import sys
import time

import ctest
from result import FAILED, PASSED, SKIPPED, Result, check, run

LINT = os.path.join("tests", "lint")
PYTHON = [sys.executable, "-B"]
C_FOLDERS = ("include", "registry", "cdb", "adapters", "sim", "tests")
SKIPPED_FOLDERS = ("build", ".git", "__pycache__")
PURE = {"tally_core": "registry/core", "tally_wire": "registry/wire", "tally_cdb": "cdb/core"}
TIDY_FILE_SECONDS_MAX = 300


def files(accept, folders=(".",)):
    found = []
    for folder in folders:
        for where, below, names in os.walk(folder):
            below[:] = [name for name in below if name not in SKIPPED_FOLDERS]
            found += [os.path.normpath(os.path.join(where, name)) for name in names
                      if accept(os.path.join(where, name))]
    return sorted(found)


def format_check():
    return check("format", ["clang-format", "--dry-run", "-Werror",
                            *files(lambda path: path.endswith((".c", ".h")), C_FOLDERS)])


def tidy():
    """clang-tidy over everything that the clang preset compiles, a file on each core."""
    started = time.monotonic()
    with open("build/clang/compile_commands.json", encoding="utf-8") as file:
        sources = sorted({entry["file"] for entry in json.load(file)})

    def one(source):
        status, output, _ = run(["clang-tidy", "--quiet", "-p", "build/clang", source],
                                TIDY_FILE_SECONDS_MAX)
        return "" if status == 0 else f"{output}\n{source}: exit status {status}\n"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outputs = list(pool.map(one, sources))
    wrong = "\n".join(output for output in outputs if output)
    seconds = time.monotonic() - started
    return Result("clang-tidy", FAILED if wrong else PASSED, seconds, wrong)


# What cppcheck 2.10 is wrong about or has no say in, and where.
CPPCHECK_SUPPRESSED = (
    "knownConditionTrueFalse",  # does not know that unsigned numbers start again at 0
    "unreadVariable",  # loses sight of members of structs; clang-analyzer-deadcode does better
    "unusedStructMember",
    "unknownEvaluationOrder",  # misreads nested initialisers; -Wsequence-point does better
    "variableScope",  # our manner is up to us
    "uninitvar:tests/*",  # takes the filling in of an array by a pointer for reading it
    "unassignedVariable:tests/*",  # a static array of zeros is meant
    "constVariable:tests/*",
    "redundantAssignment:tests/*",  # through a pointer, between the two, it was used
)


def cppcheck():
    folders = [folder for folder in C_FOLDERS if os.path.isdir(folder)]
    # planted_*: faults on purpose, for the sanitizers to find.
    planted = [f"-i{path}" for path in glob.glob("tests/*/planted*.c")]
    return check("cppcheck", ["cppcheck", "--enable=warning,style,performance,portability",
                              "--error-exitcode=1", "--inline-suppr", "--std=c11",
                              "--library=posix", "--quiet", "-j", str(os.cpu_count() or 1),
                              *(f"--suppress={what}" for what in CPPCHECK_SUPPRESSED),
                              "-D_POSIX_C_SOURCE=200809L",
                              "-Iinclude", "-Iregistry", "-I.", "-Itests", *planted, *folders])


def pure():
    name = "pure libraries"
    built = ctest.build("dev", list(PURE))
    if built.outcome != PASSED:
        built.name = name
        return built
    return check(name, [*PYTHON, f"{LINT}/check_pure.py",
                        "--with", "build/dev/registry/base/libtally_base.a", "--",
                        *(f"build/dev/{PURE[library]}/lib{library}.a" for library in PURE)])


def is_shell(path):
    if path.endswith(".sh"):
        return True
    if os.path.splitext(path)[1] or not os.access(path, os.X_OK) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.readline().rstrip() in (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")


def manual():
    pages = sorted(glob.glob("docs/man/*.[1-9]"))
    if not pages:
        return Result("manual pages", SKIPPED, 0.0, "SKIP: docs/man has no pages")
    return check("manual pages", ["mandoc", "-Tlint", "-Wwarning", *pages])


def part(_):
    configured = ctest.configure("clang")
    if configured.outcome != PASSED:
        return [configured]
    return [
        check("checks see planted mistakes", [*PYTHON, f"{LINT}/selftest.py"]),
        format_check(),
        check("includes", [*PYTHON, f"{LINT}/check_includes.py"]),
        check("own mistakes", [*PYTHON, f"{LINT}/check_mistakes.py"]),
        pure(),
        check("shellcheck", ["shellcheck", *files(is_shell)]),
        manual(),
        cppcheck(),
        tidy(),
    ]
