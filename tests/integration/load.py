#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: under 50 calls a second, half of them spoofed, each A used once, with a registry killed and
restarted: spoofed calls get 603 while both registries know; every call gets the ALLOW code in time
while one is gone; 603 is back within the matching window and 5 s; no honest call ever gets 603.

Method: three sipp at 25 calls/s each: honest calls at alfa's switch, the same calls 0.5 s later at
bravo's, and spoofed ones at bravo's. Bravo's tallyd is killed and restarted, then alfa's. Each
call's time is known from its place in the list; calls within a second of a change, or in the time after
a gap that
alfa's registry itself reports, are not judged as to 603, but every single one must get its answer
in time.
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import TOP, Bed, BedError, Numbers, fail, wait_until  # noqa: E402

RATE = 25
WINDOW_S = 2
BACK_S = WINDOW_S + 5
MARGIN_S = 1.0
# A sanitizer slows the programs down: an adapter that is not answered within 50 ms lets the call go
# and reports a gap, after which nothing is denied for a while. That is as it should be; what must
# hold all the same is that no honest call is refused and that every call is answered in time.
IS_SLOWED = os.environ.get("TALLY_SANITIZE", "") != ""
# The core decides 800 ms after the event at the latest; the adapter gives up 20 ms later. The rest
# is for sipp, which looks at its sockets every few milliseconds.
ANSWER_US_MAX = (800 + 20 + 30) * 1000
# (seconds, what): the play. Between "kill" and "restart" the operator's registry is gone.
PLAY = [(6, "bravo", "kill"), (11, "bravo", "restart"), (24, "alfa", "kill"),
        (29, "alfa", "restart")]
LENGTH_S = 42


class Watch:
    """Notes when alfa's feed reports a gap: an adapter that is not answered within 50 ms, on a host
    that is busy with something else, lets the call go and says so, and for a while alfa rightly
    denies nothing."""

    def __init__(self, bed):
        self.bed = bed
        self.gap_count = None
        self.gaps_s = []

    def look(self, at_s):
        status = self.bed.alfa.status()
        count = status["feeds"][0]["gaps"] if status else None
        if self.gap_count is not None and count is not None and count > self.gap_count:
            self.gaps_s.append(at_s)
        self.gap_count = count

    def until(self, started, at_s):
        while time.monotonic() < started + at_s:
            self.look(time.monotonic() - started)
            time.sleep(max(0.0, min(0.25, started + at_s - time.monotonic())))

    def is_doubted(self, at_s):
        return any(gap_s - MARGIN_S <= at_s < gap_s + BACK_S for gap_s in self.gaps_s)


def phase_of(at_s, watch):
    """What must hold for a spoofed call that began at this second."""
    state = "doubted" if watch.is_doubted(at_s) else "known"
    for change_s, who, what in PLAY:
        if at_s < change_s - MARGIN_S:
            return state
        state = ("gone" if what == "kill" else "returning")
        if at_s < change_s + MARGIN_S:
            return "returning" if state == "returning" else "turning"
        if what == "restart" and at_s >= change_s + BACK_S:
            state = "doubted" if watch.is_doubted(at_s) else "known"
        del who
    return state


def check(kind, results, count, problems, watch):
    tally = {}
    if len(results) != count:
        problems.append(f"{kind}: {len(results)} of {count} calls got a final answer")
    for result in results:
        at_s = int(result["note"]) / RATE
        phase = phase_of(at_s, watch)
        key = (phase, result["code"])
        tally[key] = tally.get(key, 0) + 1
        if result["wait_us"] > ANSWER_US_MAX:
            problems.append(f"{kind} call at {at_s:.2f} s waited {result['wait_us'] / 1000:.0f} ms")
        if kind != "spoofed" and result["code"] != 302:
            problems.append(f"{kind} call at {at_s:.2f} s got {result['code']}")
        if kind == "spoofed" and phase == "known" and result["code"] != 603 and not IS_SLOWED:
            problems.append(f"spoofed call at {at_s:.2f} s got {result['code']}, not 603")
        if kind == "spoofed" and phase == "gone" and result["code"] != 302:
            problems.append(f"spoofed call at {at_s:.2f} s got {result['code']} with a registry gone")
    if kind == "spoofed" and sum(result["code"] == 603 for result in results) < count / 4:
        problems.append("fewer than a quarter of the spoofed calls got 603")
    worst_us = max((result["wait_us"] for result in results), default=0)
    print(f"{kind}: " + ", ".join(f"{phase} {code} x {number}"
                                  for (phase, code), number in sorted(tally.items())) +
          f"; longest wait {worst_us / 1000:.1f} ms", flush=True)


def main():
    numbers = Numbers(os.environ.get("TALLY_SEED", "1"))
    count = LENGTH_S * RATE
    honest = [(numbers.draw(4420, 12), numbers.draw(33, 11), str(at)) for at in range(count)]
    spoofed = [(numbers.draw(4420, 12), numbers.draw(33, 11), str(at)) for at in range(count)]
    problems = []

    try:
        with Bed(os.path.join(TOP, "build/load"), match_window_s=WINDOW_S, open_leg_s=4) as bed:
            bed.start()
            bed.wait_ready()
            first = bed.sipp(bed.alfa, "originating", honest, RATE, "honest-alfa", True)
            time.sleep(0.5)
            started = time.monotonic()
            watch = Watch(bed)
            runs = [first, bed.sipp(bed.bravo, "terminating", honest, RATE, "honest-bravo", True),
                    bed.sipp(bed.bravo, "terminating", spoofed, RATE, "spoofed", True)]
            for at_s, name, what in PLAY:
                operator = getattr(bed, name)
                watch.until(started, at_s)
                print(f"{at_s} s: {what} {name}'s tallyd", flush=True)
                if what == "kill":
                    bed.end(operator.tallyd, signal.SIGKILL)
                else:
                    operator.start_tallyd()
            watch.until(started, LENGTH_S)
            for run in runs:
                wait_until(f"{run.bed_name} ends", LENGTH_S + 60, lambda run=run: run.poll()
                           is not None, 0.2)
            check("originating", bed.sipp_results("honest-alfa"), count, problems, watch)
            check("honest", bed.sipp_results("honest-bravo"), count, problems, watch)
            check("spoofed", bed.sipp_results("spoofed"), count, problems, watch)
    except BedError as error:
        fail(f"load: {error}")
    for problem in problems[:20]:
        print(problem)
    if problems:
        fail(f"load: {len(problems)} calls did not end as they should")
    print("load: every call ended as it should")


if __name__ == "__main__":
    main()
