# SPDX-License-Identifier: Apache-2.0
"""bed.py - two operators on this machine, with the programs that ship.

alfa (+44) and bravo (+33), each with a tallyd and a tally-sip, real sockets on loopback, a
participant database made with tally-cdb, and sipp for the switches. Used by the demo and by the
integration tests. Everything lives under one directory; every process is ended by its id.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIPP_SCENARIO = os.path.join(TOP, "tests/integration/sipp/invite.xml")
MAKE_CDB = os.path.join(TOP, "tests/integration/make_cdb.sh")
EX_CONFIG = 78


class BedError(Exception):
    """Something did not come about; the text says what and where to look."""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, seconds, holds, step=0.02):
    """Calls holds() until it is true; BedError after so many seconds. Returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise BedError(f"after {seconds} s still not so: {what}")
        time.sleep(step)


class Operator:
    """One operator: its configuration files, its tallyd, its tally-sip."""

    def __init__(self, bed, name, country_code):
        self.bed = bed
        self.name = name
        self.country_code = country_code
        self.dir = os.path.join(bed.dir, name)
        self.run = os.path.join(bed.run_dir, name)
        self.port = free_port()
        self.sip_ports = {role: free_port(socket.SOCK_DGRAM)
                          for role in ("originating", "terminating")}
        self.tallyd = None
        self.sip = None
        for path in (self.dir, self.run, os.path.join(self.dir, "state")):
            os.makedirs(path, exist_ok=True)
        os.chmod(self.run, 0o700)

    @property
    def endpoint(self):
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def control(self):
        return os.path.join(self.run, "control.sock")

    def write_conf(self):
        bed = self.bed
        with open(os.path.join(self.dir, "tallyd.conf"), "w", encoding="ascii") as out:
            out.write(f'''operator = "{self.name}";
noise_key_file = "{bed.noise_key(self.name)}";
listen = "{self.endpoint}";
cdb_directory = "{bed.cdb_dir}";
cdb_root = "{bed.cdb_root()}";
cdb_poll_s = 1;
state_directory = "{self.dir}/state";
state_max_mib = 64;
control_socket = "{self.control}";
run_directory = "{self.run}";
call_max = 65536;
inquiry_max = 4096;
peer_max = 16;
match_window_s = {bed.match_window_s};
open_leg_s = {bed.open_leg_s};
strict_after_days = 0;
policy = {{ mode = "{bed.mode}"; }};
feeds = ( {{ name = "sip"; class = "causal"; side = "both"; required = true; }} );
''')
        with open(os.path.join(self.dir, "tally-sip.conf"), "w", encoding="ascii") as out:
            listeners = ",\n".join(
                f'''  {{ address = "127.0.0.1:{self.sip_ports[role]}"; role = "{role}";
    trunk = "{role}"; class = "{trunk_class}"; allow_code = 302;
    country_code = {self.country_code}; national_prefix = "0";
    international_prefixes = [ "00" ]; }}'''
                for role, trunk_class in (("originating", "customer"),
                                          ("terminating", "interconnect")))
            out.write(f'''feed = "{self.run}/feed-sip";
open_leg_s = {bed.open_leg_s};
listeners = (
{listeners}
);
''')

    def start_tallyd(self):
        self.tallyd = self.bed.spawn(f"{self.name}-tallyd", [
            self.bed.program("tallyd"), "--config", os.path.join(self.dir, "tallyd.conf")])

    def start_sip(self):
        self.sip = self.bed.spawn(f"{self.name}-tally-sip", [
            self.bed.program("tally-sip"), "--config", os.path.join(self.dir, "tally-sip.conf")])

    def ctl(self, *words):
        """tallyctl's JSON, or None while the daemon does not answer."""
        done = subprocess.run([self.bed.program("tallyctl"), "--socket", self.control, "--json",
                               *words], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode != 0:
            return None
        return json.loads(done.stdout)

    def status(self):
        return self.ctl("status")

    def covers(self):
        """Does every feed cover what a denial needs?"""
        status = self.status()
        return (status is not None and status["feeds"] and
                all(feed["up"] and feed["coverage"] == "legs" for feed in status["feeds"]))

    def sees_peer(self):
        status = self.status()
        return status is not None and status["peers"]["up"] >= 1


class Bed:
    """The whole: two operators, their participant database, and the processes."""

    def __init__(self, directory, match_window_s=2, open_leg_s=4, mode="enforce",
                 without=(), wrong_key=()):
        self.dir = os.path.abspath(directory)
        self.match_window_s = match_window_s
        self.open_leg_s = open_leg_s
        self.mode = mode
        self.processes = []
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        # Socket paths are limited to 107 bytes, wherever the tree lies.
        self.run_dir = subprocess.run(["mktemp", "-d", "-t", "tally.XXXXXX"], check=True,
                                      capture_output=True, text=True).stdout.strip()
        self.cdb_dir = os.path.join(self.dir, "cdb")
        self.alfa = Operator(self, "alfa", 44)
        self.bravo = Operator(self, "bravo", 33)
        self.operators = [self.alfa, self.bravo]
        self.make_cdb(without, wrong_key)
        for operator in self.operators:
            operator.write_conf()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def program(name):
        return os.path.join(os.environ.get("TALLY_BIN", os.path.join(TOP, "build/bin")), name)

    def make_cdb(self, without, wrong_key):
        words = ["sh", MAKE_CDB, self.dir, "--tally-cdb", self.program("tally-cdb"),
                 "--alfa-endpoint", self.alfa.endpoint, "--bravo-endpoint", self.bravo.endpoint,
                 "--alfa-strict", "+4420", "--alfa-lenient", "+44163", "--bravo-strict", "+33"]
        for name in without:
            words += ["--without", name]
        self.tool(words)
        for name in wrong_key:
            self.tool([self.program("tally-cdb"), "key", "noise", self.key_file(name, "other.key")])
        self.wrong_key = wrong_key

    @staticmethod
    def tool(words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise BedError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def key_file(self, name, file="noise.key"):
        return os.path.join(self.dir, name, file)

    def noise_key(self, name):
        return self.key_file(name, "other.key" if name in self.wrong_key else "noise.key")

    def cdb_root(self):
        """The SHA-256 of the first root statement, which a registry takes on trust."""
        found = json.loads(self.tool([self.program("tally-cdb"), "verify", "--json", self.cdb_dir]))
        return found["network_id"]

    def spawn(self, name, words):
        log = open(os.path.join(self.dir, f"{name}.log"), "ab")
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        process.bed_name = name
        self.processes.append(process)
        return process

    def end(self, process, how=signal.SIGTERM, seconds=15):
        """Ends one process by its id and returns its exit status."""
        if process is None or process.poll() is not None:
            return None if process is None else process.returncode
        process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise BedError(f"{process.bed_name} did not stop within {seconds} s") from None

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run(["rm", "-rf", self.run_dir], check=False)

    def log_tail(self, name, lines=15):
        try:
            with open(os.path.join(self.dir, f"{name}.log"), encoding="utf-8",
                      errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return ""

    def start(self, operators=None):
        for operator in operators or self.operators:
            operator.start_tallyd()
        for operator in operators or self.operators:
            operator.start_sip()

    def wait_ready(self, seconds=60, operators=None, peers=True):
        """Until each registry covers its calls and sees the other."""
        for operator in operators or self.operators:
            def holds(operator=operator):
                for process in (operator.tallyd, operator.sip):
                    if process.poll() is not None:
                        raise BedError(f"{process.bed_name} ended with status "
                                       f"{process.returncode}:\n{self.log_tail(process.bed_name)}")
                return operator.covers() and (not peers or operator.sees_peer())
            wait_until(f"{operator.name} covers its calls"
                       f"{' and sees its peer' if peers else ''} (see {self.dir})", seconds, holds)

    def follow(self, operator, name):
        """Follows an operator's verdicts into a file of JSON lines; returns (process, path)."""
        path = os.path.join(self.dir, f"{name}.jsonl")
        out = open(path, "wb")
        process = subprocess.Popen(
            [self.program("tallyctl"), "--socket", operator.control, "--json", "--show-numbers",
             "call", "tail"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        out.close()
        process.bed_name = name
        self.processes.append(process)
        wait_until("tallyctl call tail follows", 10, lambda: os.path.getsize(path) > 0)
        return process, path

    def sipp(self, operator, role, calls, rate=10, name="sipp", background=False):
        """Sends calls [(a, b, note)], a and b as E.164 integers.

        Returns [{"note":, "code":, "wait_us":}], in order; with background the process, whose
        results `sipp_results` reads once it has ended.
        """
        base = os.path.join(self.dir, name)
        with open(base + ".csv", "w", encoding="ascii") as out:
            out.write("SEQUENTIAL\n")
            for a_number, b_number, note in calls:
                header = (f"P-Asserted-Identity: <tel:+{a_number}>" if a_number
                          else "Subject: none")
                user = f"+{a_number}" if a_number else "anonymous"
                out.write(f"{user};{header};+{b_number};{note}\n")
        log_file = base + ".log"
        if os.path.exists(log_file):
            os.remove(log_file)
        words = ["sipp", "-sf", SIPP_SCENARIO, "-inf", base + ".csv", "-trace_logs",
                 "-log_file", log_file, "-m", str(len(calls)), "-r", str(rate), "-nostdin",
                 "-i", "127.0.0.1", "-p", str(free_port(socket.SOCK_DGRAM)),
                 f"127.0.0.1:{operator.sip_ports[role]}"]
        with open(base + ".out", "wb") as out:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env={**os.environ, "TERM": "dumb"})
        process.bed_name = name
        self.processes.append(process)
        if background:
            return process
        process.wait(60 + 2 * len(calls) / rate)
        results = self.sipp_results(name)
        if len(results) != len(calls):
            raise BedError(f"{name}: {len(results)} of {len(calls)} calls got a final answer; "
                           f"see {base}.out")
        return results

    def sipp_results(self, name):
        results = []
        try:
            with open(os.path.join(self.dir, f"{name}.log"), encoding="ascii") as file:
                for line in file:
                    words = dict(word.split("=", 1) for word in line.split() if "=" in word)
                    if "code" in words:
                        results.append({"note": words["note"], "code": int(words["code"]),
                                        "wait_us": int(float(words["wait_us"]))})
        except FileNotFoundError:
            pass
        return results


def verdicts(path):
    """The verdict lines of a follow() file."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                entry = json.loads(line)
                if entry.get("event") == "verdict":
                    found.append(entry)
    return found


class Numbers:
    """Numbers from a seed, none twice, from ranges set aside for drama where there are such."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.used = set()

    def draw(self, prefix, digit_count):
        while True:
            rest = digit_count - len(str(prefix))
            number = int(f"{prefix}{self.random.randrange(10 ** rest):0{rest}d}")
            if number not in self.used:
                self.used.add(number)
                return number

    def alfa_strict(self):
        return self.draw(442079460, 12)

    def alfa_lenient(self):
        return self.draw(441632960, 12)

    def bravo(self):
        return self.draw(3319900, 11)

    def stranger(self):
        return self.draw(120255501, 11)


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)
