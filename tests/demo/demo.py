#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""demo.py - the main job: two operators, real daemons, real SIP, one call verified, one blocked.

Reads DEMO_SEED (default 1). Writes build/demo/summary.json. Exits 1 if a call does not end as it
should.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import TOP, Bed, BedError, Numbers, verdicts, wait_until  # noqa: E402

STORY = {
    "honest": "alfa's subscriber calls bravo's",
    "spoofed": "somebody shows a number of alfa",
    "stranger": "a CLI of no participant",
    "lenient": "spoofed, range not strict",
    "peer-down": "honest, but alfa's registry is off",
}
EXPECTED = {
    "honest": ("VALID", "ALLOW", 302),
    "spoofed": ("CLI_SPOOFED", "BLOCK", 603),
    "stranger": ("UNVERIFIABLE", "ALLOW", 302),
    "lenient": ("CLI_SPOOFED", "ALLOW", 302),
    "peer-down": ("INDETERMINATE", "ALLOW", 302),
}


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ \
        else text


def say(text):
    print(text, flush=True)


def one_call(bed, tail, name, a_number, b_number, originates):
    """Plays one call and gathers what each side saw."""
    if originates:
        first = bed.sipp(bed.alfa, "originating", [(a_number, b_number, name)],
                         name=f"sipp-{name}-alfa")
        if first[0]["code"] != 302:
            raise BedError(f"{name}: alfa's own switch got {first[0]['code']}, not 302")
    sip = bed.sipp(bed.bravo, "terminating", [(a_number, b_number, name)],
                   name=f"sipp-{name}-bravo")[0]
    verdict = wait_until(f"bravo's registry tells its verdict on the {name} call", 10, lambda: [
        entry for entry in verdicts(tail)
        if entry["a"] == f"+{a_number}" and entry["b"] == f"+{b_number}"])[0]
    return {"name": name, "verdict": verdict["verdict"], "grade": verdict["grade"],
            "reason": verdict["reason"], "action": verdict["action"], "policy": verdict["policy"],
            "sip": sip["code"], "verdict_ms": verdict["verdict_ms"],
            "sip_ms": round(sip["wait_us"] / 1000, 3), "id": verdict["id"],
            "a": verdict["a"], "b": verdict["b"]}


def show_table(calls):
    say("")
    say(f"  {'call':<10} {'what happens':<36} {'verdict':<14} {'grade':<8} {'action':<7} "
        f"{'SIP':>4} {'verdict':>10} {'SIP answer':>11}")
    for call in calls:
        code = {"BLOCK": 31, "ALLOW": 32}.get(call["action"], 33)
        say(f"  {call['name']:<10} {STORY[call['name']]:<36} {call['verdict']:<14} "
            f"{call['grade'] or '-':<8} {paint(code, format(call['action'], '<7'))} "
            f"{call['sip']:>4} {call['verdict_ms']:>7.2f} ms {call['sip_ms']:>8.2f} ms")
    say("")


def play(bed, seed):
    numbers = Numbers(seed)
    calls = []

    say("  alfa  (+44): numbers 020 7946 0xxx are published strict, 01632 960xxx lenient")
    say("  bravo (+33): asks alfa about every call that shows one of alfa's numbers")
    bed.start()
    say("  two tallyd and two tally-sip are up; waiting until both know enough to deny a call ...")
    started = time.monotonic()
    bed.wait_ready()
    say(f"  ready after {time.monotonic() - started:.1f} s")
    _, tail = bed.follow(bed.bravo, "bravo-verdicts")
    for name, a_number, originates in (("honest", numbers.alfa_strict(), True),
                                       ("spoofed", numbers.alfa_strict(), False),
                                       ("stranger", numbers.stranger(), False),
                                       ("lenient", numbers.alfa_lenient(), False)):
        calls.append(one_call(bed, tail, name, a_number, numbers.bravo(), originates))
    bed.end(bed.alfa.tallyd)
    wait_until("bravo sees that alfa's registry is gone", 30, lambda: not bed.bravo.sees_peer())
    calls.append(one_call(bed, tail, "peer-down", numbers.alfa_strict(), numbers.bravo(), True))
    return calls


def explain(bed, calls):
    spoofed = next(call for call in calls if call["name"] == "spoofed")

    say(f"Why was the spoofed call blocked?  tallyctl verdict explain {spoofed['id']}\n")
    wait_until("the evidence is durable", 10, lambda: (bed.bravo.ctl(
        "verdict", "explain", spoofed["id"]) or {"call": {}})["call"].get("evidence") == "durable")
    done = subprocess.run([bed.program("tallyctl"), "--socket", bed.bravo.control,
                           "--show-numbers", "verdict", "explain", spoofed["id"]],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BedError(f"tallyctl verdict explain failed: {done.stderr}")
    for line in done.stdout.splitlines():
        say(f"  {line}")
    say("")


def main():
    seed = os.environ.get("DEMO_SEED", "1")
    directory = os.path.join(TOP, "build/demo")

    say(paint(1, f"Tallystick: two operators, five calls (DEMO_SEED={seed})") + "\n")
    try:
        with Bed(directory) as bed:
            calls = play(bed, seed)
            show_table(calls)
            explain(bed, calls)
    except BedError as error:
        say(f"demo: {error}")
        return 1
    with open(os.path.join(directory, "summary.json"), "w", encoding="ascii") as out:
        json.dump({"seed": seed, "calls": calls}, out, indent=1)
        out.write("\n")
    wrong = [call for call in calls
             if (call["verdict"], call["action"], call["sip"]) != EXPECTED[call["name"]]]
    for call in wrong:
        say(f"demo: {call['name']} ended as {call['verdict']}/{call['action']}/{call['sip']}, "
            f"expected {'/'.join(map(str, EXPECTED[call['name']]))}")
    say("All five ended as they should; build/demo/summary.json has the figures." if not wrong
        else f"{len(wrong)} of five did not end as they should.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
