#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Goal: running registries follow the participant database: who leaves it is heard and asked no
more, who comes back is a peer again, an older database is refused, a lost directory changes
nothing, and nobody has to restart.

Method: the bed's two tallyd, feed_driver at bravo's; the directory is exchanged under them for
others that were made with the same keys.
"""

import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bed"))
from bed import MAKE_CDB, TOP, Bed, BedError, Numbers, fail, wait_until  # noqa: E402
from tallyd_feeds import Driver, covered, expect  # noqa: E402


def make(bed, name, *words):
    """Another database in the bed's directory, stamped a second later than any before."""
    time.sleep(1.1)  # a stamp counts in seconds
    done = subprocess.run(
        ["sh", MAKE_CDB, bed.dir, "--db", name, "--tally-cdb", bed.program("tally-cdb"),
         "--alfa-endpoint", bed.alfa.endpoint, "--bravo-endpoint", bed.bravo.endpoint,
         "--alfa-strict", "+4420", "--alfa-lenient", "+44163", "--bravo-strict", "+33", *words],
        capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise BedError(f"{MAKE_CDB} failed:\n{done.stdout}{done.stderr}")


def exchange(bed, name):
    """Puts a database in force; for a moment there is none."""
    os.rename(bed.cdb_dir, f"{bed.cdb_dir}-before-{name}")
    os.rename(os.path.join(bed.dir, name), bed.cdb_dir)


def log_of(bed, operator):
    return bed.log_tail(f"{operator.name}-tallyd", 10000)


def stamp_is_followed(bed):
    before = bed.bravo.status()["cdb"]["stamped"]
    make(bed, "newer")
    exchange(bed, "newer")
    for operator in bed.operators:
        wait_until(f"{operator.name} has the newer database", 10,
                   lambda operator=operator: operator.status()["cdb"]["stamped"] > before)
    if not bed.bravo.sees_peer():
        raise BedError("a newer stamp ended a session")
    print("newer stamp: taken, sessions stay", flush=True)


def who_left_is_no_peer(bed, bravo, numbers):
    make(bed, "without", "--without", "alfa")
    exchange(bed, "without")
    wait_until("alfa is no peer of bravo's", 10,
               lambda: bed.bravo.status()["peers"]["known"] == 0)
    if "event=peer_left peer=alfa" not in log_of(bed, bed.bravo):
        raise BedError("bravo does not say that alfa left")
    call = bravo.call("term", numbers.alfa_strict(), numbers.bravo())
    expect("call with the number of one who left", bravo.notice(call, "verdict"), "UNVERIFIABLE",
           "", "ALLOW")
    wait_until("bravo drops what alfa sends", 20,
               lambda: "event=link_dropped" in log_of(bed, bed.bravo) or
               "event=link_refused" in log_of(bed, bed.bravo))
    wait_until("alfa says that it is not in it", 10,
               lambda: "event=cdb_failed err=CONFIG words=\"operator alfa" in
               log_of(bed, bed.alfa))


def older_is_refused(bed):
    before = bed.bravo.status()["cdb"]
    os.rename(bed.cdb_dir, f"{bed.cdb_dir}-without")
    shutil.copytree(f"{bed.cdb_dir}-before-newer", bed.cdb_dir)
    failed = log_of(bed, bed.bravo).count("event=cdb_failed err=CONFIG")
    wait_until("bravo refuses the older database", 10, lambda: log_of(bed, bed.bravo).count(
        "event=cdb_failed err=CONFIG") > failed)
    after = bed.bravo.status()["cdb"]
    if after["stamped"] != before["stamped"]:
        raise BedError("an older database was taken")
    print("older database: refused", flush=True)


def who_came_back_is_a_peer(bed, bravo, numbers):
    make(bed, "back")
    exchange(bed, "back")
    wait_until("bravo sees alfa again", 30, covered(bed.bravo))
    wait_until("alfa sees bravo again", 30, bed.alfa.sees_peer)
    call = bravo.call("term", numbers.alfa_strict(), numbers.bravo())
    # alfa has no adapter here: it cannot know, and says so.
    expect("call with the number of one who came back", bravo.notice(call, "verdict"),
           "INDETERMINATE", "", "ALLOW")
    print("came back: a peer again", flush=True)


def main():
    directory = os.path.join(TOP, "build/tallyd_cdb")
    shutil.rmtree(directory, ignore_errors=True)
    numbers = Numbers(13)
    try:
        with Bed(directory) as bed:
            for operator in bed.operators:
                operator.start_tallyd()
            bravo = Driver(bed, bed.bravo)
            wait_until("bravo covers its calls and sees its peer", 40, covered(bed.bravo))
            stamp_is_followed(bed)
            who_left_is_no_peer(bed, bravo, numbers)
            older_is_refused(bed)
            who_came_back_is_a_peer(bed, bravo, numbers)
            for operator in bed.operators:
                if bed.end(operator.tallyd) != 0:
                    raise BedError(f"{operator.name}'s tallyd did not stop cleanly")
    except BedError as error:
        fail(f"tallyd_cdb: {error}")


if __name__ == "__main__":
    main()
