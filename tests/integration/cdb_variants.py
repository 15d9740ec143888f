#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: what the participant database lacks or has wrong never becomes fraud. With alfa left out,
a call that shows alfa's number is UNVERIFIABLE; with another key for alfa, alfa's tallyd says so
and exits 78, and the call is INDETERMINATE. Both go through.

Method: the demo's bed, once with each database; one spoofed call by sipp.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import EX_CONFIG, TOP, Bed, BedError, Numbers, fail, verdicts, wait_until  # noqa: E402


def spoofed_call(bed):
    numbers = Numbers(7)
    a_number, b_number = numbers.alfa_strict(), numbers.bravo()
    _, tail = bed.follow(bed.bravo, "bravo-verdicts")
    sip = bed.sipp(bed.bravo, "terminating", [(a_number, b_number, "spoofed")])[0]
    entry = wait_until("the verdict", 10, lambda: verdicts(tail))[0]
    return entry["verdict"], entry["action"], sip["code"]


def alfa_refuses_to_start(bed, words):
    bed.alfa.start_tallyd()
    status = bed.alfa.tallyd.wait(20)
    text = bed.log_tail("alfa-tallyd")
    if status != EX_CONFIG:
        raise BedError(f"alfa's tallyd ended with {status}, not {EX_CONFIG}:\n{text}")
    if not any(word in text for word in words):
        raise BedError(f"alfa's tallyd does not say what is wrong:\n{text}")


def play(name, expected, words, **cdb):
    directory = os.path.join(TOP, "build/cdb_variants", name)
    with Bed(directory, **cdb) as bed:
        alfa_refuses_to_start(bed, words)
        bed.start([bed.bravo])
        bed.wait_ready(operators=[bed.bravo], peers=False)
        got = spoofed_call(bed)
    print(f"{name}: {'/'.join(map(str, got))}", flush=True)
    if got != expected:
        raise BedError(f"{name}: expected {'/'.join(map(str, expected))}")


def main():
    try:
        play("without-alfa", ("UNVERIFIABLE", "ALLOW", 302), ["alfa"], without=["alfa"])
        play("wrong-key", ("INDETERMINATE", "ALLOW", 302), ["key"], wrong_key=["alfa"])
    except BedError as error:
        fail(f"cdb_variants: {error}")


if __name__ == "__main__":
    main()
