#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: two registries judge calls together as docs/PROTOCOL.md says, and what they decided against
is kept: pending, then durable, also after a restart. What one of them cannot know never becomes a
denial.

Method: the bed's two tallyd, each with feed_driver in the place of an adapter; calls are lines to
the drivers, verdicts come back as lines.
"""

import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import TOP, Bed, BedError, Numbers, fail, wait_until  # noqa: E402

DRIVER = os.path.join(os.environ.get("TALLY_TESTS", os.path.join(TOP, "build/dev/tests")),
                      "feed_driver")


class Driver:
    """An adapter without a switch."""

    def __init__(self, bed, operator):
        self.path = os.path.join(bed.dir, f"{operator.name}-driver.jsonl")
        out = open(self.path, "wb")
        self.process = subprocess.Popen([DRIVER, os.path.join(operator.run, "feed-sip")],
                                        stdin=subprocess.PIPE, stdout=out, bufsize=0)
        out.close()
        self.process.bed_name = f"{operator.name}-driver"
        bed.processes.append(self.process)
        self.call_count = 0

    def notices(self):
        with open(self.path, encoding="ascii") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def call(self, side, a_number, b_number):
        self.process.stdin.write(f"{side} {a_number} {b_number}\n".encode("ascii"))
        self.call_count += 1
        return self.call_count

    def release(self, call):
        self.process.stdin.write(f"release {call}\n".encode("ascii"))

    def notice(self, call, kind, seconds=10):
        return wait_until(f"{kind} for call {call} in {self.path}", seconds, lambda: next(
            (notice for notice in self.notices()
             if notice["type"] == kind and notice.get("call") == call), None))


def covered(operator):
    return lambda: operator.covers() and operator.sees_peer()


def explain(operator, verdict_id):
    told = operator.ctl("verdict", "explain", verdict_id)
    return None if told is None else told["call"]["evidence"]


def expect(what, got, *wanted):
    words = tuple(got[key] for key in ("verdict", "grade", "action"))
    print(f"{what}: {' '.join(word for word in words if word)}", flush=True)
    if words != wanted:
        raise BedError(f"{what}: {words}, expected {wanted}")


def honest_and_spoofed(bed, alfa, bravo, numbers):
    a_number, b_number = numbers.alfa_strict(), numbers.bravo()
    alfa.notice(alfa.call("orig", a_number, b_number), "ack")
    honest = bravo.notice(bravo.call("term", a_number, b_number), "verdict")
    expect("announced call", honest, "VALID", "", "ALLOW")
    if explain(bed.bravo, honest["id"]) != "memory":
        raise BedError("a call in order is kept as evidence")

    # The query overtakes the announcement: the call is told at both ends at once.
    a_number, b_number = numbers.alfa_strict(), numbers.bravo()
    call = bravo.call("term", a_number, b_number)
    alfa.call("orig", a_number, b_number)
    expect("call told at both ends at once", bravo.notice(call, "verdict"), "VALID", "", "ALLOW")

    spoofed = bravo.notice(bravo.call("term", numbers.alfa_strict(), numbers.bravo()), "verdict")
    expect("spoofed call", spoofed, "CLI_SPOOFED", "proven", "BLOCK")
    wait_until("the spoofed call's evidence is durable", 10,
               lambda: explain(bed.bravo, spoofed["id"]) == "durable")
    return spoofed


def evidence_outlives_a_restart(bed, spoofed):
    if bed.end(bed.bravo.tallyd) != 0:
        raise BedError("bravo's tallyd did not stop cleanly")
    bed.bravo.start_tallyd()
    wait_until("the evidence is there after a restart", 20,
               lambda: explain(bed.bravo, spoofed["id"]) == "durable")
    print("evidence: durable, after a restart too", flush=True)


def silence_denies_nothing(bed, alfa, bravo, numbers):
    """alfa's adapter stands still: what it may have missed cannot be denied."""
    alfa.process.send_signal(signal.SIGSTOP)
    try:
        wait_until("alfa's feed counts as down", 5,
                   lambda: not bed.alfa.status()["feeds"][0]["up"])
        call = bravo.call("term", numbers.alfa_strict(), numbers.bravo())
        expect("call while alfa's adapter is silent", bravo.notice(call, "verdict"),
               "INDETERMINATE", "", "ALLOW")
    finally:
        alfa.process.send_signal(signal.SIGCONT)
    wait_until("alfa covers its calls again", 30, covered(bed.alfa))


def lost_peer_denies_nothing(bed, bravo, numbers):
    bed.alfa.tallyd.send_signal(signal.SIGKILL)
    bed.alfa.tallyd.wait()
    wait_until("bravo sees that alfa is gone", 10, lambda: not bed.bravo.sees_peer())
    call = bravo.call("term", numbers.alfa_strict(), numbers.bravo())
    expect("call while alfa's registry is gone", bravo.notice(call, "verdict"), "INDETERMINATE",
           "", "ALLOW")
    bed.alfa.start_tallyd()
    wait_until("alfa is back", 40, covered(bed.alfa))
    wait_until("bravo sees alfa again", 20, covered(bed.bravo))
    call = bravo.call("term", numbers.alfa_strict(), numbers.bravo())
    expect("spoofed call when alfa is back", bravo.notice(call, "verdict"), "CLI_SPOOFED",
           "proven", "BLOCK")


def tallyctl_is_honest(bed):
    """Frames that were taken are no rejects; a follower ends when nobody reads what it prints."""
    sent = bed.bravo.status()["peer_rejects"]
    if "NONE" in sent:
        raise BedError(f"tallyctl status counts good frames as rejects: {sent}")
    follower = subprocess.Popen(
        [bed.program("tallyctl"), "--socket", bed.bravo.control, "call", "tail"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        follower.stdout.readline()
        follower.stdout.close()
        status = follower.wait(10)
    except subprocess.TimeoutExpired:
        follower.kill()
        raise BedError("tallyctl call tail goes on though nobody reads its output") from None
    if status != 1:
        raise BedError(f"tallyctl call tail without a reader ended with {status}, expected 1")
    print("tallyctl: no rejects without a fault, no follower without a reader", flush=True)


def no_numbers_in_logs(bed, numbers):
    for operator in bed.operators:
        with open(os.path.join(bed.dir, f"{operator.name}-tallyd.log"), encoding="utf-8") as file:
            text = file.read()
        for number in numbers.used:
            if str(number) in text or str(number)[2:] in text:
                raise BedError(f"a telephone number is in the log of {operator.name}'s tallyd")
    print("logs: no number in them", flush=True)


def main():
    directory = os.path.join(TOP, "build/tallyd_feeds")
    shutil.rmtree(directory, ignore_errors=True)
    numbers = Numbers(11)
    try:
        with Bed(directory) as bed:
            for operator in bed.operators:
                operator.start_tallyd()
            alfa, bravo = (Driver(bed, operator) for operator in bed.operators)
            for operator in bed.operators:
                wait_until(f"{operator.name} covers its calls and sees its peer", 40,
                           covered(operator))
            spoofed = honest_and_spoofed(bed, alfa, bravo, numbers)
            evidence_outlives_a_restart(bed, spoofed)
            wait_until("bravo covers its calls again", 40, covered(bed.bravo))
            silence_denies_nothing(bed, alfa, bravo, numbers)
            lost_peer_denies_nothing(bed, bravo, numbers)
            tallyctl_is_honest(bed)
            no_numbers_in_logs(bed, numbers)
    except BedError as error:
        fail(f"tallyd_feeds: {error}")


if __name__ == "__main__":
    main()
