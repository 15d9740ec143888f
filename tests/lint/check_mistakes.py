#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mistakes that neither compiler nor clang-tidy knows to be mistakes here.

usage: check_mistakes.py [ROOT]

Prints `file:line: what: why`.
"""

import os
import re
import sys

import csource

PRODUCT = ("include", "registry", "cdb", "adapters", "sim")
C_FOLDERS = PRODUCT + ("tests",)


def calls(*names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


# (where, what, why), for C code without its comments and strings.
CODE = (
    (C_FOLDERS, calls("strcpy", "strcat", "sprintf", "vsprintf", "gets", "stpcpy"),
     "it does not know how much room there is: memcpy or snprintf"),
    (PRODUCT, calls("strncpy", "strncat"),
     "it may leave no NUL: memcpy or snprintf"),
    (C_FOLDERS, calls("atoi", "atol", "atoll", "atof"),
     "it cannot report an error: strtoull with all its checks, or tally_text_*"),
    (C_FOLDERS, calls("strtok"), "it has one memory for the whole program: strcspn"),
    (PRODUCT, calls("strtok_r"), "it writes into what it reads: strcspn"),
    (C_FOLDERS, calls("alloca"), "the stack has no bound"),
    (C_FOLDERS, calls("rand", "random", "drand48"),
     "not random enough, not repeatable enough: base/entropy.h"),
    (("registry/crypto",), calls("memcmp"),
     "its duration tells where two secrets differ: sodium_memcmp"),
    (("registry/core", "registry/wire", "cdb/core"),
     calls("malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup"),
     "a pure library does not allocate: the caller gives the memory"),
    (("tests",), calls("sleep", "usleep", "nanosleep", "clock_nanosleep", "thrd_sleep"),
     "a test that sleeps is slow today and flaky tomorrow: a fake clock, or wait for the event"),
)

# In every text file, comments and all. The patterns are written so as not to find themselves.
ANYWHERE = (
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"), "finish it, or write an issue"),
    (re.compile(r"(?<![\w./}*)-])/(home|work|root|Users)/\w"),
     "a path of one machine: it is not there on the next"),
)

# What carries the licence line: by name, or by its #! line.
LICENSED = (".c", ".h", ".py", ".sh", ".cmake", ".supp", "CMakeLists.txt")
LICENCE = re.compile(r"^(/\*|#|//) SPDX-License-Identifier: Apache-2\.0( \*/)?$")


def check_code(path, text):
    code = csource.code_only(text)
    for folders, pattern, why in CODE:
        if not any(path.startswith(folder + "/") for folder in folders):
            continue
        for match in pattern.finditer(code):
            yield f"{path}:{csource.line_of(code, match.start())}: {match[1]}: {why}"
    for offset in csource.line_comments(text):
        yield f"{path}:{csource.line_of(text, offset)}: //: comments are /* */"
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            yield f"{path}:{number}: a tab: indent with spaces, write \\t in a string"


def check_text(path, text):
    for pattern, why in ANYWHERE:
        for match in pattern.finditer(text):
            yield f"{path}:{csource.line_of(text, match.start())}: {match[0]}: {why}"
    if path.endswith(LICENSED) or text.startswith("#!"):
        head = text.split("\n")[:2]
        if not any(LICENCE.match(line) for line in head):
            yield f"{path}:1: no SPDX-License-Identifier line: Apache-2.0, first in the file"


def check(root):
    findings = []
    for path in csource.files(root):
        if os.path.islink(os.path.join(root, path)):
            continue
        try:
            text = csource.read(root, path)
        except UnicodeDecodeError:
            continue  # seeds of a fuzz target, for one
        if path == "LICENSE" or path.startswith("tests/fuzz/corpus/"):
            continue
        findings += check_text(path, text)
        if path.endswith((".c", ".h")) and path.startswith(C_FOLDERS):
            findings += check_code(path, text)
    return findings


def main():
    findings = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
