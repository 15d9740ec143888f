# SPDX-License-Identifier: Apache-2.0
"""What one test came to, and how a command is run so that its output can be shown on failure."""

import dataclasses
import os
import shlex
import signal
import subprocess
import time

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

OUTPUT_LINES_MAX = 300
COMMAND_CHARS_MAX = 300


@dataclasses.dataclass
class Result:
    name: str
    outcome: str
    seconds: float = 0.0
    output: str = ""  # shown when failed; the reason when skipped
    note: str = ""  # a figure worth a line even when all is well


def tail(text, lines_max=OUTPUT_LINES_MAX):
    lines = text.splitlines()
    if len(lines) <= lines_max:
        return text
    left_out = len(lines) - lines_max
    return "\n".join([f"[{left_out} lines left out]"] + lines[-lines_max:])


def shown(command):
    """A command as one line, without the names of a hundred files at its end."""
    line = shlex.join(map(str, command))
    return line if len(line) <= COMMAND_CHARS_MAX else line[:COMMAND_CHARS_MAX] + " ..."


def run(command, seconds_max, env=None, cwd=None):
    """Runs a command with no input; returns (exit status, its output, seconds).

    When the time is over, the command and all that it has started are killed, and the status is
    that of timeout(1), 124.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, **(env or {})),
        cwd=cwd,
        start_new_session=True,
        encoding="utf-8",
        errors="backslashreplace",
    )
    try:
        output, _ = process.communicate(timeout=seconds_max)
        status = process.returncode
    except BaseException as stop:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if not isinstance(stop, subprocess.TimeoutExpired):
            raise
        output += f"\nstopped: not done after {seconds_max} s\n"
        status = 124
    return status, output, time.monotonic() - started


def check(name, command, seconds_max=600, env=None, cwd=None):
    """One command as one test: exit status 0 is a pass, 77 a skip."""
    status, output, seconds = run(command, seconds_max, env, cwd)
    outcome = {0: PASSED, 77: SKIPPED}.get(status, FAILED)
    if outcome == FAILED:
        output += f"\n{shown(command)}: exit status {status}\n"
    return Result(name, outcome, seconds, output)
