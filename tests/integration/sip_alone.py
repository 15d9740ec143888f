#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tally-sip alone: real SIP by sipp, and a stand-in for the registry (feed_standin).

Goal: the program does with sockets what the unit tests prove of its parts: each verdict becomes its
answer, calls go through when the registry is silent or gone, what was missed is reported when it
comes back, and it says what is wrong with its surroundings.
Method: calls whose last digit tells the stand-in what to say, one sipp per listener.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TALLY_BIN", os.path.join(TOP, "build/dev/bin"))
STANDIN = os.environ.get("TALLY_STANDIN", os.path.join(TOP, "build/dev/tests/feed_standin"))
SIPP = os.path.join(TOP, "tests/integration/sipp")
A = "+442071838750"
B = "+39061234567"

CALLS = [  # FROM;HEADER;TO;NOTE
    (A, "P-Asserted-Identity: <tel:+442071838751>", B + "0", "allow"),
    (A, "P-Asserted-Identity: <sip:+442071838750@op.example>", B + "3", "block"),
    ("anonymous", "Privacy: id", B + "4", "no_verdict"),
    (A, "Subject: none", B + "5", "no_ack"),
    (A, "Subject: none", B + "6", "label"),
    (A, "Subject: none", B + "7", "strip"),
    (A, "Subject: none", B + "8", "slow"),
    (A, "Subject: none", "112", "short"),
]
# Per note: code, at least and at most so many ms. The upper bounds leave room for a slow machine.
TERMINATING = {
    "allow": (302, 0, 150), "block": (603, 0, 150), "no_verdict": (302, 319, 480),
    "no_ack": (302, 318, 480), "label": (302, 0, 150), "strip": (302, 0, 150),
    "slow": (302, 240, 400), "short": (302, 0, 150),
}
ORIGINATING = {note: (302, 0, 150) for note in TERMINATING} | {"no_ack": (302, 49, 200)}
GONE = {note: (302, 0, 150) for note in TERMINATING}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Stage:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.ports = {"terminating": free_port(), "originating": free_port()}
        self.conf = self.path("tally-sip.conf")
        with open(self.conf, "w", encoding="ascii") as out:
            out.write(f'''feed = "{folder}/feed-sip";
listeners = (
  {{ address = "127.0.0.1:{self.ports["terminating"]}"; role = "terminating"; trunk = "in";
     class = "interconnect"; emergency = [ "112" ]; }},
  {{ address = "127.0.0.1:{self.ports["originating"]}"; role = "originating"; trunk = "out";
     class = "customer"; country_code = 39; international_prefixes = [ "00" ];
     bare = "national"; allow_from = [ "127.0.0.0/8" ]; }}
);
''')

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, words, log):
        with open(self.path(log), "w", encoding="utf-8") as out:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.processes.append(process)
        return process

    def standin(self, log):
        process = self.spawn([STANDIN, self.path("feed-sip")], log)
        wait_for("HELLO", lambda: "open_legs_end" in read(self.path(log)))
        return process

    def sipp(self, scenario, role, calls, name):
        """Runs a scenario; returns its log lines as dictionaries."""
        words = ["sipp", "-sf", os.path.join(SIPP, scenario + ".xml"), "-trace_logs",
                 "-log_file", self.path(name + ".log"), "-m", str(max(1, len(calls))), "-r", "10",
                 "-timeout", "20s", "-timeout_error", "-nostdin", "-i", "127.0.0.1",
                 "-p", str(free_port()), f"127.0.0.1:{self.ports[role]}"]
        if calls:
            with open(self.path(name + ".csv"), "w", encoding="ascii") as out:
                out.write("SEQUENTIAL\n" + "".join(";".join(call) + "\n" for call in calls))
            words[3:3] = ["-inf", self.path(name + ".csv")]
        run = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=self.folder, check=False,
                             env={**os.environ, "TERM": "dumb"})
        if run.returncode != 0:
            raise AssertionError(f"sipp {scenario} ended with {run.returncode}:\n"
                                 + run.stdout.decode(errors="replace")[-1500:])
        if not os.path.exists(self.path(name + ".log")):
            return []
        return [dict(word.split("=", 1) for word in line.split())
                for line in read(self.path(name + ".log")).splitlines()]

    def stop_all(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(10)


def check_calls(stage, role, wanted, name):
    got = {call["note"]: call for call in stage.sipp("invite", role, CALLS, name)}
    for note, (code, least_ms, most_ms) in wanted.items():
        wait_ms = float(got[note]["wait_us"]) / 1000
        assert int(got[note]["code"]) == code, f"{name} {note}: {got[note]}"
        assert least_ms <= wait_ms <= most_ms, f"{name} {note}: {wait_ms} ms"


def counters(stage, sip):
    """The newest line of counters, asked for with SIGUSR1."""
    before = read(stage.path("sip.log")).count("event=counters")
    sip.send_signal(signal.SIGUSR1)
    wait_for("counters", lambda: read(stage.path("sip.log")).count("event=counters") > before)
    line = [each for each in read(stage.path("sip.log")).splitlines() if "event=counters" in each][-1]
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def check_words(stage):
    """What a person is told who has made a mistake."""
    program = os.path.join(BIN, "tally-sip")

    def run(*arguments):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    status, text = run("--help")
    assert status == 0 and "--check-config" in text, text
    assert run("--check-config", "--config", stage.conf) == (0, f"{stage.conf}: good\n")
    assert run("--no-such-option")[0] == 2
    bad = stage.path("bad.conf")
    with open(bad, "w", encoding="ascii") as out:
        out.write(read(stage.conf).replace('class = "customer"', 'class = "friend"'))
    status, text = run("--check-config", "--config", bad)
    assert status == 78 and text.startswith(f"{bad}:6: ") and "friend" in text, text
    status, text = run("--config", stage.conf)
    assert status == 78 and f"127.0.0.1:{stage.ports['terminating']}" in text, text


def play(stage):
    first = stage.spawn([os.path.join(BIN, "tally-sip"), "--config", stage.conf], "sip.log")
    wait_for("listening", lambda: read(stage.path("sip.log")).count("event=listening") == 2)
    assert stage.sipp("options", "terminating", [], "o1")[0]["code"] == "503"
    wait_for("no registry", lambda: "event=registry_missing" in read(stage.path("sip.log")))
    standin = stage.standin("standin1.log")
    assert stage.sipp("options", "terminating", [], "o2")[0]["code"] == "200"
    check_words(stage)

    check_calls(stage, "terminating", TERMINATING, "t")
    check_calls(stage, "originating", ORIGINATING, "o")
    stage.sipp("cancel", "terminating", [CALLS[6]], "c")
    count = counters(stage, first)
    # 7 calls to numbers on each side, the cancelled one, and the short code where it started.
    assert (count["events"], count["blocked"], count["cancelled"]) == (16, 1, 1), count
    assert (count["short_codes"], count["labelled"], count["stripped"]) == (2, 1, 1), count
    assert (count["feed_losts"], count["retransmitted"], count["rejected"]) == (2, 0, 0), count
    log = read(stage.path("standin1.log"))
    assert log.count("event seq=") == 16 and log.count("gap ") == 2 and "bad_" not in log, log
    assert "flushed" in log and "presented=1" in log, log

    standin.terminate()
    standin.wait(5)
    wait_for("down", lambda: "event=registry_down" in read(stage.path("sip.log")))
    check_calls(stage, "originating", GONE, "g")
    assert stage.sipp("options", "terminating", [], "o3")[0]["code"] == "503"
    stage.standin("standin2.log")
    log = read(stage.path("standin2.log"))
    assert re.search(r"gap seq=\d+ lost=8\n", log), log
    assert log.count("open_leg\n") == 16 and "open_legs_end count=16" in log, log

    first.terminate()
    assert first.wait(5) == 0
    log = read(stage.path("sip.log"))
    assert log.splitlines()[-1].endswith(" event=stopped"), log
    assert not re.search(r"2071838750|3906123456", log), "a number is in the log"


def main():
    for program in (os.path.join(BIN, "tally-sip"), STANDIN):
        if not os.path.exists(program):
            print(f"{program} is not built")
            return 1
    with tempfile.TemporaryDirectory(prefix="tally-sip-") as folder:
        stage = Stage(folder)
        try:
            play(stage)
        except AssertionError as failure:
            print(f"FAILED: {failure}")
            print(read(stage.path("sip.log"))[-3000:])
            return 1
        finally:
            stage.stop_all()
    print("tally-sip: verdicts, silence, absence and return of the registry: as they should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
