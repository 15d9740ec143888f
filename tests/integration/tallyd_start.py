#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: tallyd starts only when it can do its work, says in words what is missing where, and ends
with the status that tells a service manager not to try again; a clean stop leaves nothing behind.

Method: the bed's alfa, with one thing wrong at a time; what it writes and how it ends.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import EX_CONFIG, TOP, Bed, BedError, fail, free_port, wait_until  # noqa: E402

GOOD = 0


class Start:
    """alfa's tallyd with an edited configuration."""

    def __init__(self, bed):
        self.bed = bed
        self.conf = os.path.join(bed.alfa.dir, "tallyd.conf")
        with open(self.conf, encoding="ascii") as file:
            self.good = file.read()
        self.failures = []
        self.ready_count = 0  # in the log, which all runs share

    def write(self, *changes):
        text = self.good
        for old, new in changes:
            if old not in text:
                raise BedError(f"nothing to change: {old}")
            text = text.replace(old, new)
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(text)

    def run(self, *words):
        done = subprocess.run([self.bed.program("tallyd"), "--config", self.conf, *words],
                              capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout + done.stderr

    def expect(self, name, status, words, *options):
        got, text = self.run(*options)
        missing = [word for word in words if word not in text]
        wrong = got != status or missing
        print(f"{'FAILED' if wrong else 'ok'} {name}", flush=True)
        if wrong:
            self.failures.append(name)
            print(f"  ended with {got}, expected {status}; not said: {missing}; it wrote:\n{text}")

    def check(self, name, holds):
        print(f"{'ok' if holds else 'FAILED'} {name}", flush=True)
        if not holds:
            self.failures.append(name)

    def spawn(self):
        """Starts one that is to run."""
        self.bed.alfa.start_tallyd()
        self.ready_count += 1
        wait_until("alfa's tallyd is ready", 20, lambda: self.ready_count ==
                   self.bed.log_tail("alfa-tallyd", 1000).count("event=ready"))
        return self.bed.alfa.tallyd


def settings(start):
    start.write()
    start.expect("check-config of a good file", GOOD, ["good"], "--check-config")
    start.write(("cdb_poll_s = 1;", "cdb_pol_s = 1;"))
    line = 1 + start.good[:start.good.index("cdb_poll_s")].count("\n")
    start.expect("check-config of an unknown key", EX_CONFIG,
                 [f"{start.conf}:{line}", "cdb_pol_s"], "--check-config")
    start.expect("an unknown key", EX_CONFIG, [f"{start.conf}:{line}", "cdb_pol_s"])
    start.write(("peer_max = 16;", "peer_max = 0;"))
    start.expect("a value out of bounds", EX_CONFIG, ["peer_max"])
    os.rename(start.conf, start.conf + ".aside")
    start.expect("no file", EX_CONFIG, [start.conf])
    os.rename(start.conf + ".aside", start.conf)


def participants(start, cdb_dir):
    start.write((cdb_dir, cdb_dir + "-not-there"))
    start.expect("no participant database", EX_CONFIG, [cdb_dir + "-not-there"])
    root = start.bed.cdb_root()
    other = ("1" if root[0] != "1" else "2") + root[1:]
    start.write((root, other))
    start.expect("another network's root", EX_CONFIG, ["cdb_root"])
    start.write(('operator = "alfa"', 'operator = "nobody"'))
    start.expect("an operator that is not enrolled", EX_CONFIG, ["nobody"])


def keys(start):
    bed = start.bed
    start.write((bed.key_file("alfa"), bed.key_file("bravo")))
    start.expect("another operator's key", EX_CONFIG, [bed.key_file("bravo"), "alfa"])
    start.write((bed.key_file("alfa"), bed.key_file("alfa") + "-not-there"))
    start.expect("no key", EX_CONFIG, [bed.key_file("alfa") + "-not-there"])
    loose = bed.key_file("alfa") + "-loose"
    shutil.copy(bed.key_file("alfa"), loose)
    os.chmod(loose, 0o644)
    start.write((bed.key_file("alfa"), loose))
    start.expect("a key that others may read", EX_CONFIG, [loose])


def ports(start):
    bed = start.bed
    start.write()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", bed.alfa.port))
        taken.listen()
        start.expect("a used port", EX_CONFIG, [bed.alfa.endpoint, "in use"])
    start.write((f'run_directory = "{bed.alfa.run}"', f'run_directory = "{bed.alfa.run}/none"'))
    start.expect("no run directory", EX_CONFIG, [f"{bed.alfa.run}/none/feed-sip.in"])


def running(start):
    bed = start.bed
    start.write()
    process = start.spawn()
    start.expect("a second one with the same state", EX_CONFIG, [f"{bed.alfa.dir}/state"])
    start.write((f'"{bed.alfa.dir}/state"', f'"{bed.alfa.dir}/state-2"'))
    start.expect("a second one on the same port", EX_CONFIG, [bed.alfa.endpoint, "in use"])
    start.write((f'"{bed.alfa.dir}/state"', f'"{bed.alfa.dir}/state-2"'),
                (bed.alfa.endpoint, f"tcp://127.0.0.1:{free_port()}"))
    start.expect("a second one at the same feeds", EX_CONFIG, ["feed-sip.in", "in use"])
    process.send_signal(signal.SIGHUP)
    wait_until("SIGHUP is told", 10, lambda: "event=reread" in bed.log_tail("alfa-tallyd"))
    wait_until("the database is read again", 10,
               lambda: bed.log_tail("alfa-tallyd").count("event=cdb_changed") == 2)
    start.check("limits: no core file",
                "Max core file size        0                    0" in
                open(f"/proc/{process.pid}/limits", encoding="ascii").read())
    start.check("a clean stop ends with 0", bed.end(process) == GOOD)
    start.check("a clean stop says so", "event=stopped" in bed.log_tail("alfa-tallyd"))
    start.check("a clean stop leaves no socket", os.listdir(bed.alfa.run) == [])
    start.write()
    start.check("it starts again", start.spawn() is not None)
    bed.alfa.tallyd.send_signal(signal.SIGKILL)
    bed.alfa.tallyd.wait()
    start.check("it starts after a kill, over the sockets left behind", start.spawn() is not None)
    start.check("SIGINT stops it too", bed.end(bed.alfa.tallyd, signal.SIGINT) == GOOD)


def addresses(start):
    """What peers are told by the database is compared with what is configured."""
    bed = start.bed
    tail = bed.log_tail("alfa-tallyd", 1000)
    start.check("addresses as listed: no warning", "event=cdb_without_" not in tail)
    start.write((bed.alfa.endpoint, f"tcp://127.0.0.1:{free_port()}"),
                ("cdb_poll_s", 'source_address = "127.0.0.9"; cdb_poll_s'))
    process = start.spawn()
    tail = bed.log_tail("alfa-tallyd", 1000)
    start.check("listen is not what the database says: told",
                "event=cdb_without_listen" in tail and f"endpoint={bed.alfa.endpoint}" in tail)
    start.check("source_address is not in the database: told",
                "event=cdb_without_source source_address=127.0.0.9" in tail)
    bed.end(process)


def replica(start, cdb_dir):
    """Last, since the state now holds what was accepted."""
    bed = start.bed
    start.write((cdb_dir, cdb_dir + "-not-there"))
    process = start.spawn()
    start.check("the replica stands in for a lost directory",
                "event=cdb_from_replica" in bed.log_tail("alfa-tallyd", 1000))
    start.check("and is served from until it stops", bed.end(process) == GOOD)


def notified(start):
    """The service manager hears of readiness and of stopping."""
    bed = start.bed
    path = os.path.join(bed.run_dir, "notify.sock")
    start.write()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = path
        process = start.spawn()
        del os.environ["NOTIFY_SOCKET"]
        start.check("READY=1 is told", manager.recv(64) == b"READY=1")
        start.check("it stops", bed.end(process) == GOOD)
        start.check("STOPPING=1 is told", manager.recv(64) == b"STOPPING=1")


def main():
    directory = os.path.join(TOP, "build/tallyd_start")
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with Bed(directory) as bed:
            start = Start(bed)
            settings(start)
            participants(start, bed.cdb_dir)
            keys(start)
            ports(start)
            running(start)
            addresses(start)
            notified(start)
            replica(start, bed.cdb_dir)
            if start.failures:
                fail(f"tallyd_start: {len(start.failures)} failed")
    except BedError as error:
        fail(f"tallyd_start: {error}")


if __name__ == "__main__":
    main()
