#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: with Kamailio in front, as docs/examples/kamailio.cfg sets it up, an honest call rings and
is answered, a spoofed one gets 603 with both Reason headers at the caller and never rings, and
calls go on when the registry or the verdict server is gone.

Method: a Kamailio for alfa and one for bravo, each with its tally-sip, both from the file in docs
with other addresses. sipp telephones: a subscriber of alfa's who calls through both proxies, a
stranger who sends to bravo's carrier side what shows a number of alfa's, and one at bravo's that
answers and counts how often it rang. Then bravo's tallyd ends, then its tally-sip.
"""

import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import TOP, Bed, BedError, Numbers, fail, free_port, verdicts, wait_until  # noqa: E402

SKIP = 77
KAMAILIO = shutil.which("kamailio", path=os.environ.get("PATH", "") + ":/usr/sbin")
EXAMPLE = os.path.join(TOP, "docs/examples/kamailio.cfg")
SIPP = os.path.join(TOP, "tests/integration/sipp")
# How long the example waits for tally-sip, and what machine and retransmission may add.
ASK_US = 1_200_000
SLACK_US = 2_500_000


class Proxy:
    """A Kamailio between one operator's subscribers and the other networks."""

    def __init__(self, bed, operator):
        self.bed = bed
        self.operator = operator
        self.inside = free_port(socket.SOCK_DGRAM)
        self.outside = free_port(socket.SOCK_DGRAM)

    def start(self, subscribers, carriers):
        with open(EXAMPLE, encoding="ascii") as file:
            text = file.read()
        ask = self.operator.sip_ports
        for example, port in (("192.0.2.1:5060", self.inside), ("192.0.2.2:5060", self.outside),
                              ("192.0.2.30:5060", subscribers), ("192.0.2.40:5060", carriers),
                              ("192.0.2.10:5071", ask["originating"]),
                              ("192.0.2.10:5070", ask["terminating"])):
            if example not in text:
                raise BedError(f"{EXAMPLE} does not have the address {example}")
            text = text.replace(example, f"127.0.0.1:{port}")
        path = os.path.join(self.operator.dir, "kamailio.cfg")
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        run = os.path.join(self.operator.run, "kamailio")
        os.mkdir(run)
        name = f"{self.operator.name}-kamailio"
        process = self.bed.spawn(name, [KAMAILIO, "-DD", "-f", path, "-Y", run, "-m", "32",
                                        "-M", "4"])

        def answers():
            if process.poll() is not None:
                raise BedError(f"{name} ended with status {process.returncode}:\n"
                               f"{self.bed.log_tail(name)}")
            return ping(self.inside) and ping(self.outside)
        wait_until(f"{name} answers OPTIONS", 20, answers)


def ping(port):
    """Does a SIP server answer there?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.5)
        probe.connect(("127.0.0.1", port))
        own = probe.getsockname()[1]
        request = (f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
                   f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKping{own}\r\n"
                   f"Max-Forwards: 70\r\nFrom: <sip:ping@127.0.0.1>;tag={own}\r\n"
                   f"To: <sip:127.0.0.1:{port}>\r\nCall-ID: ping{own}\r\nCSeq: 1 OPTIONS\r\n"
                   "Content-Length: 0\r\n\r\n")
        try:
            probe.send(request.encode("ascii"))
            return probe.recv(4096).startswith(b"SIP/2.0 200")
        except OSError:
            return False


def sipp(bed, name, words):
    with open(os.path.join(bed.dir, f"{name}.out"), "wb") as out:
        process = subprocess.Popen(
            ["sipp", *words, "-nostdin", "-i", "127.0.0.1", "-trace_logs", "-log_file",
             os.path.join(bed.dir, f"{name}.log")], stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, env={**os.environ, "TERM": "dumb"})
    process.bed_name = name
    bed.processes.append(process)
    return process


def answer_calls(bed):
    """A telephone of bravo's; returns its port."""
    port = free_port(socket.SOCK_DGRAM)
    sipp(bed, "called", ["-sf", os.path.join(SIPP, "called.xml"), "-p", str(port)])
    return port


def rings(bed):
    try:
        with open(os.path.join(bed.dir, "called.log"), encoding="ascii") as file:
            return file.read().count("rang")
    except FileNotFoundError:
        return 0


def call(bed, name, proxy_port, a_number, b_number):
    """One call; returns its final code, what it took, and all that the caller received and sent."""
    base = os.path.join(bed.dir, name)
    with open(base + ".csv", "w", encoding="ascii") as out:
        out.write(f"SEQUENTIAL\n+{a_number};+{b_number};{name}\n")
    process = sipp(bed, name, ["-sf", os.path.join(SIPP, "caller.xml"), "-inf", base + ".csv",
                               "-m", "1", "-p", str(free_port(socket.SOCK_DGRAM)), "-trace_msg",
                               "-message_file", base + ".messages", "-timeout", "20s",
                               "-timeout_error", f"127.0.0.1:{proxy_port}"])
    status = process.wait(30)
    results = bed.sipp_results(name)
    if status != 0 or len(results) != 1:
        raise BedError(f"{name}: the call did not end as a call does (sipp: {status}); see "
                       f"{base}.out and {base}.messages")
    with open(base + ".messages", encoding="utf-8") as file:
        messages = file.read()
    return results[0]["code"], results[0]["wait_us"], messages


def expect(what, found, expected):
    if found != expected:
        raise BedError(f"{what}: {found!r}, expected {expected!r}")
    print(f"  {what}: {found}", flush=True)


def expect_completed(bed, name, proxy_port, numbers, at_least_us, at_most_us):
    before = rings(bed)
    code, wait_us, _ = call(bed, name, proxy_port, numbers.alfa_strict(), numbers.bravo())
    expect(f"{name}: final answer", code, 200)
    expect(f"{name}: rang", rings(bed) - before, 1)
    if not at_least_us <= wait_us <= at_most_us:
        raise BedError(f"{name}: answered after {wait_us} us, expected {at_least_us} to "
                       f"{at_most_us}")


def expect_refused(bed, proxy_port, numbers):
    before = rings(bed)
    code, _, messages = call(bed, "spoofed", proxy_port, numbers.alfa_strict(), numbers.bravo())
    expect("spoofed: final answer", code, 603)
    reasons = re.findall(r"^Reason: (.*?)\r?$", messages, re.MULTILINE)
    expect("spoofed: Reason headers", len(reasons), 2)
    expect("spoofed: first of them", reasons[0], 'Q.850;cause=21;text="call rejected"')
    told = re.fullmatch(r'SIP;cause=603;text="([a-z2-7]{13})"', reasons[1])
    if told is None:
        raise BedError(f"spoofed: the second Reason is {reasons[1]!r}, expected a verdict's id")
    why = bed.bravo.ctl("verdict", "explain", told[1])
    expect("spoofed: what its id explains", why and why["call"]["verdict"], "CLI_SPOOFED")
    expect("spoofed: rang", rings(bed) - before, 0)


def play(bed):
    numbers = Numbers(5)
    alfa, bravo = Proxy(bed, bed.alfa), Proxy(bed, bed.bravo)
    telephone = answer_calls(bed)

    bed.start()
    bravo.start(subscribers=telephone, carriers=alfa.outside)
    alfa.start(subscribers=telephone, carriers=bravo.outside)
    bed.wait_ready()
    _, tail = bed.follow(bed.bravo, "verdicts")
    expect_completed(bed, "honest", alfa.inside, numbers, 0, SLACK_US)
    told = wait_until("bravo's registry tells its verdict", 10, lambda: verdicts(tail))
    expect("honest: verdict", told[0]["verdict"], "VALID")
    expect_refused(bed, bravo.outside, numbers)
    bed.end(bed.bravo.tallyd)
    wait_until("bravo's tally-sip sees that its registry is gone", 10,
               lambda: "event=registry_down" in bed.log_tail("bravo-tally-sip"))
    expect_completed(bed, "registry-gone", bravo.outside, numbers, 0, ASK_US - 1)
    bed.end(bed.bravo.sip)
    expect_completed(bed, "verdict-server-gone", bravo.outside, numbers, ASK_US - 200_000,
                     ASK_US + SLACK_US)


def main():
    if KAMAILIO is None:
        print("SKIP: kamailio is not installed")
        return SKIP
    try:
        with Bed(os.path.join(TOP, "build/kamailio")) as bed:
            play(bed)
    except BedError as error:
        fail(f"kamailio: {error}")
    print("kamailio: all calls ended as they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
