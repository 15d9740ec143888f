#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include against the table of docs/ARCHITECTURE.md.

usage: check_includes.py [ROOT]

Prints `file:line: what: the rule` for each include that the table does not allow. A folder that
the table does not name may not hold C code.
"""

import dataclasses
import os
import re
import sys

import csource

CHECKED = ("include", "registry", "cdb", "adapters", "sim")

FREESTANDING = {"float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
                "stddef.h", "stdint.h", "stdnoreturn.h"}
PURE = FREESTANDING | {"string.h"}
C_LIBRARY = PURE | {"assert.h", "ctype.h", "errno.h", "fenv.h", "inttypes.h", "locale.h",
                    "setjmp.h", "signal.h", "stdatomic.h", "stdio.h", "stdlib.h", "time.h"}
MATHS = {"math.h"}
POSIX_FILES = {"dirent.h", "fcntl.h", "fnmatch.h", "glob.h", "sys/file.h", "sys/mman.h",
               "sys/stat.h", "sys/statvfs.h", "sys/types.h", "sys/uio.h", "unistd.h"}
POSIX = POSIX_FILES | {
    "arpa/inet.h", "getopt.h", "grp.h", "libgen.h", "net/if.h", "netdb.h", "netinet/in.h",
    "netinet/tcp.h", "poll.h", "pthread.h", "pwd.h", "regex.h", "sched.h", "semaphore.h",
    "spawn.h", "sys/epoll.h", "sys/eventfd.h", "sys/prctl.h", "sys/random.h", "sys/resource.h",
    "sys/select.h", "sys/signalfd.h", "sys/socket.h", "sys/time.h", "sys/timerfd.h", "sys/un.h",
    "sys/utsname.h", "sys/wait.h", "syslog.h", "termios.h",
}
IN_A_MAIN = {"argp.h"}

# Each library of the outside, and the only folders that may name it.
ONLY_IN = {
    "zmq.h": "registry/transport, registry/gate, adapters/client",
    "sodium.h": "registry/crypto",
    "lmdb.h": "registry/store",
    "libconfig.h": "registry/conf",
    "jansson.h": "registry/ctl, registry/http, cdb/cli, sim",
    "microhttpd.h": "registry/http",
    "pcap.h": "adapters/tap",
    "pcap/pcap.h": "adapters/tap",
}


@dataclasses.dataclass(frozen=True)
class Rule:
    project: tuple  # folders, itself and include/tally apart; a trailing / means all below
    outside: frozenset  # headers


def rule(project, *outside):
    return Rule(tuple(project.split()), frozenset().union(*outside))


DAEMON = "registry/ cdb/core cdb/log"
ADAPTER = "adapters/client adapters/common registry/base registry/wire registry/conf"

TABLE = {
    "include/tally": rule("", FREESTANDING),
    "registry/base": rule("", C_LIBRARY),
    "registry/wire": rule("registry/base", PURE),
    # Sealing and opening frames needs their layout and the reasons to reject one; a secret key
    # goes from its file to locked memory without passing through anybody else's hands.
    "registry/crypto": rule("registry/wire registry/base",
                            C_LIBRARY, POSIX_FILES, {"sodium.h"}),
    "registry/core": rule("cdb/core registry/wire registry/base", PURE),
    "registry/store": rule("registry/core registry/wire registry/base cdb/core",
                           C_LIBRARY, POSIX_FILES, {"lmdb.h"}),
    "registry/conf": rule("registry/core registry/base",
                          C_LIBRARY, POSIX_FILES, {"libconfig.h", "arpa/inet.h"}),
    "registry/transport": rule("registry/crypto registry/wire registry/base",
                               C_LIBRARY, POSIX, {"zmq.h"}),
    "registry/daemon": rule(DAEMON, C_LIBRARY, POSIX),
    "registry/ctl": rule(DAEMON, C_LIBRARY, POSIX, {"jansson.h"}),
    "registry/gate": rule(DAEMON, C_LIBRARY, POSIX, {"zmq.h"}),
    "registry/http": rule(DAEMON, C_LIBRARY, POSIX, {"jansson.h", "microhttpd.h"}),
    "cdb/core": rule("registry/wire registry/base", PURE),
    "cdb/log": rule("cdb/core registry/crypto registry/wire registry/base",
                    C_LIBRARY, POSIX_FILES),
    "cdb/cli": rule("cdb/ registry/conf registry/transport registry/crypto registry/wire "
                    "registry/base", C_LIBRARY, POSIX, {"jansson.h"}),
    "adapters/client": rule(ADAPTER, C_LIBRARY, POSIX, {"zmq.h"}),
    "adapters/common": rule(ADAPTER, C_LIBRARY, POSIX),
    "adapters/sip": rule(ADAPTER, C_LIBRARY, POSIX),
    "adapters/hep": rule(ADAPTER, C_LIBRARY, POSIX),
    "adapters/tap": rule(ADAPTER, C_LIBRARY, POSIX, {"pcap.h", "pcap/pcap.h"}),
    "adapters/isup": rule(ADAPTER, C_LIBRARY, POSIX),
    "adapters/replay": rule(ADAPTER, C_LIBRARY, POSIX),
    "sim": rule("registry/core registry/wire registry/crypto registry/base registry/conf cdb/ "
                "adapters/common adapters/client", C_LIBRARY, MATHS, {"jansson.h"}),
}

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*?)[ \t]*$", re.MULTILINE)
MAIN = re.compile(r"^int main\(", re.MULTILINE)


def folder_of(path):
    """The row of the table that a path belongs to, or the folder itself when there is none."""
    folder = os.path.dirname(path)
    while folder and folder not in TABLE:
        folder = os.path.dirname(folder)
    return folder or os.path.dirname(path)


def find(root, path, name):
    """Where a project include leads, as the compiler would look for it; None when nowhere."""
    for base in (os.path.dirname(path), "include", "registry", ""):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    return None


def allows(allowed, folder):
    return any(folder == entry or (entry.endswith("/") and (folder + "/").startswith(entry))
               for entry in allowed)


def judge_project(root, path, name):
    if ".." in name.split("/"):
        return "an include never climbs with .."
    target = find(root, path, name)
    if target is None:
        return "found neither beside the file nor under include/, registry/ or the top"
    mine, theirs = folder_of(path), folder_of(target)
    if theirs in (mine, "include/tally") or allows(TABLE[mine].project, theirs):
        return None
    allowed = " ".join(TABLE[mine].project) or "nothing else of the project"
    return f"{mine} may include itself, include/tally and {allowed}; this is {theirs}"


def judge_outside(path, name, text):
    mine = folder_of(path)
    if name in TABLE[mine].outside:
        return None
    if name in IN_A_MAIN:
        return None if MAIN.search(text) else f"<{name}> belongs in the file that has main()"
    if name in ONLY_IN:
        return f"<{name}> only in {ONLY_IN[name]}"
    return f"{mine} may not name <{name}>: the table in tests/lint/check_includes.py"


def check_file(root, path):
    text = csource.read(root, path)
    if folder_of(path) not in TABLE:
        return [f"{path}:1: {os.path.dirname(path)}: the include table has no such folder"]
    found = []
    code = csource.without_comments(text)
    for match in INCLUDE.finditer(code):
        what = match[1]
        if re.fullmatch(r'"[^"]+"', what):
            wrong = judge_project(root, path, what[1:-1])
        elif re.fullmatch(r"<[^>]+>", what):
            wrong = judge_outside(path, what[1:-1], code)
        else:
            wrong = "an include names its file plainly"
        if wrong:
            found.append(f"{path}:{csource.line_of(code, match.start())}: {what}: {wrong}")
    return found


def check(root):
    return [finding for path in csource.files(root, CHECKED, (".c", ".h"))
            for finding in check_file(root, path)]


def main():
    findings = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
