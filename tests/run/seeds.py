# SPDX-License-Identifier: Apache-2.0
"""What a fuzz target starts from.

tests/fuzz/corpus/TARGET/ in the tree, and for SIP the real messages of ../shared/data, when they
are there: torture messages, other projects' seeds, and the payloads of captured packets.
"""

import glob
import hashlib
import os
import shutil
import zipfile

from result import run

SHARED = os.path.join("..", "shared", "data")
PACKETS_MAX = 400  # of one capture; beyond that they repeat themselves


def files_under(pattern):
    for path in sorted(glob.glob(os.path.join(SHARED, pattern), recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                yield file.read()


def zipped(pattern):
    for path in sorted(glob.glob(os.path.join(SHARED, pattern))):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield archive.read(entry)


def captured(pattern):
    for path in sorted(glob.glob(os.path.join(SHARED, pattern))):
        command = ["tshark", "-r", path, "-Y", "sip && udp", "-c", str(PACKETS_MAX),
                   "-T", "fields", "-e", "udp.payload"]
        _, output, _ = run(command, 60)
        for line in output.split():
            try:
                yield bytes.fromhex(line)
            except ValueError:
                pass  # a remark of tshark's, among the packets


def sip_messages():
    yield from files_under("torture/**/*")
    yield from files_under("fuzz/sipgo_*")
    yield from zipped("fuzz/*sip*.zip")
    yield from captured("sip_pcap/*.pcap*")


def directories(target):
    """The folders of seeds for a target, those of ../shared written out under build/."""
    found = []
    in_tree = os.path.join("tests", "fuzz", "corpus", target)
    if os.path.isdir(in_tree):
        found.append(in_tree)
    if "sip" in target and os.path.isdir(SHARED):
        folder = os.path.join("build", "fuzz", "seeds", target)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for message in sip_messages():
            name = hashlib.sha256(message).hexdigest()[:16]
            with open(os.path.join(folder, name), "wb") as file:
                file.write(message)
        found.append(folder)
    return found
