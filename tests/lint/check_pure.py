#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the pure libraries against what they call for, which includes cannot show.

usage: check_pure.py --with LIBRARY... -- PURE_LIBRARY...

The objects of the pure libraries, and whatever they pull in from the libraries behind --with,
may need mem* and str* of <string.h>, what the compiler itself adds, and one another; nothing of
the clock, the heap, files, chance or printing. Nor may they keep a variable: the same input has
to give the same output. Prints `library(object): symbol: why`.
"""

import re
import subprocess
import sys

# <string.h>, without what allocates, prints messages, or remembers where it was.
STRING_H = {"memchr", "memcmp", "memcpy", "memmove", "memset", "memccpy", "strchr", "strcmp",
            "strcspn", "strlen", "strncmp", "strnlen", "strpbrk", "strrchr", "strspn", "strstr"}
COMPILER = re.compile(
    r"_GLOBAL_OFFSET_TABLE_$|__stack_chk_fail$|__(mem(cpy|move|set))_chk$"
    r"|__(asan|ubsan|tsan|sanitizer|llvm_profile)_|__(u?div|u?mod|mul)[dt]i3$|__popcount[dt]i2$")
# A bug ends the program. That it prints first is the point.
LAST_WORDS = {"tally_assert_failed"}
# What may hold data: constants, and constants with addresses in them.
CONSTANT = re.compile(r"\.(rodata|data\.rel\.ro|eh_frame|text|note|comment|debug)|\*UND\*|\*ABS\*")


class Object:
    def __init__(self, name):
        self.name = name
        self.defines, self.needs, self.variables = set(), set(), set()


def objects(library):
    """The objects of one archive, as nm sees them."""
    found = {}
    listing = subprocess.run(["nm", "-A", "-f", "sysv", library], check=True,
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 7:
            continue
        where, symbol = fields[0].rsplit(":", 1)
        kind, section = fields[2], fields[6]
        entry = found.setdefault(where, Object(where))
        if kind in ("U", "w", "v"):
            entry.needs.add(symbol)
            continue
        if kind.isupper():
            entry.defines.add(symbol)
        if re.match(r"\.(data|bss|tdata|tbss)|\*COM\*", section) and not CONSTANT.match(section):
            entry.variables.add(symbol)
    return list(found.values())


def check(pure, behind):
    pure_objects = [entry for library in pure for entry in objects(library)]
    provider = {symbol: entry for library in behind for entry in objects(library)
                for symbol in entry.defines}
    provider.update({symbol: entry for entry in pure_objects for symbol in entry.defines})
    findings, judged, waiting = [], set(), [(entry, "") for entry in pure_objects]
    while waiting:
        entry, because = waiting.pop(0)
        if entry.name in judged:
            continue
        judged.add(entry.name)
        findings += [f"{entry.name}: {symbol}: a variable that outlives the call{because}"
                     for symbol in sorted(entry.variables)]
        for symbol in sorted(entry.needs):
            if symbol in STRING_H or symbol in LAST_WORDS or COMPILER.match(symbol):
                continue
            if symbol in provider:
                waiting.append((provider[symbol],
                                f" (pulled in by {entry.name} for {symbol})"))
            else:
                findings.append(f"{entry.name}: {symbol}: a pure library cannot ask for this"
                                + because)
    return findings


def main():
    arguments = sys.argv[1:]
    if arguments[:1] != ["--with"] or "--" not in arguments or arguments[-1] == "--":
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    split = arguments.index("--")
    findings = check(arguments[split + 1:], arguments[1:split])
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
