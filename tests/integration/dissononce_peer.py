#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Goal: our Noise IK and python3-dissononce's understand each other, in both roles.
Method: noise_peer (the code that ships) is one side, dissononce the other. Handshake hashes and
payloads are compared, messages of 0, 1 and 60,000 bytes go each way, and one flipped bit is
refused by whoever gets it.
"""
import os
import struct
import subprocess
import sys

try:
    from dissononce.cipher.chachapoly import ChaChaPolyCipher
    from dissononce.dh.x25519.public import PublicKey
    from dissononce.dh.x25519.x25519 import X25519DH
    from dissononce.exceptions.decrypt import DecryptFailedException
    from dissononce.hash.blake2b import Blake2bHash
    from dissononce.processing.handshakepatterns.interactive.IK import IKHandshakePattern
    from dissononce.processing.impl.cipherstate import CipherState
    from dissononce.processing.impl.handshakestate import HandshakeState
    from dissononce.processing.impl.symmetricstate import SymmetricState
except ImportError as error:
    print(f"SKIP: python3-dissononce is not there ({error})")
    sys.exit(77)

PAYLOAD = b"payload of theirs"
OUR_PAYLOAD = b"payload of ours"
SIZES = (0, 1, 60000, 0, 1, 60000)


class Ours:
    """noise_peer, spoken to in its frames."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.argv[1], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, letter, body):
        self.process.stdin.write(struct.pack("<I", len(body) + 1) + letter + body)
        self.process.stdin.flush()

    def receive(self, letter):
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        frame = self.process.stdout.read(length)
        assert frame[:1] == letter, f"wanted {letter}, got {frame[:16]!r}"
        return frame[1:]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0, "noise_peer failed"


def flip(message):
    middle = len(message) // 2
    return message[:middle] + bytes([message[middle] ^ 0x10]) + message[middle + 1:]


def theirs(dh, is_initiator, key_pair, prologue, remote):
    state = HandshakeState(SymmetricState(CipherState(ChaChaPolyCipher()), Blake2bHash()), dh)
    state.initialize(IKHandshakePattern(), is_initiator, prologue, s=key_pair, rs=remote)
    return state


def compare(state, done):
    assert done[:64] == state.symmetricstate.get_handshake_hash(), "handshake hashes differ"
    assert done[64:] == PAYLOAD, "our side read another payload"


def talk(ours, send, receive):
    for size in SIZES:
        plaintext = os.urandom(size)
        sealed = send.encrypt_with_ad(b"", plaintext)
        ours.send(b"T", flip(sealed))
        assert ours.receive(b"R") == b"TAG"
        ours.send(b"T", sealed)
        answer = ours.receive(b"T")
        try:
            receive.decrypt_with_ad(b"", flip(answer))
            raise AssertionError("a flipped bit was taken")
        except DecryptFailedException:
            pass
        opened = receive.decrypt_with_ad(b"", answer)
        assert opened == bytes((byte + 1) % 256 for byte in plaintext), "another text came back"


def we_respond(dh, prologue, is_damaged):
    our_pair, their_pair = dh.generate_keypair(), dh.generate_keypair()
    ours = Ours("responder", our_pair.private.data.hex(), prologue.hex())
    state = theirs(dh, True, their_pair, prologue, PublicKey(our_pair.public.data))
    first = bytearray()
    state.write_message(PAYLOAD, first)
    if is_damaged:
        ours.send(b"H", flip(bytes(first)))
        assert ours.receive(b"R") == b"TAG"
        ours.close()
        return
    ours.send(b"H", bytes(first))
    second = ours.receive(b"H")
    payload = bytearray()
    send, receive = state.read_message(second, payload)
    assert bytes(payload) == OUR_PAYLOAD
    compare(state, ours.receive(b"D"))
    talk(ours, send, receive)
    ours.close()


def we_initiate(dh, prologue, is_damaged):
    our_pair, their_pair = dh.generate_keypair(), dh.generate_keypair()
    ours = Ours("initiator", our_pair.private.data.hex(), their_pair.public.data.hex(),
                prologue.hex())
    state = theirs(dh, False, their_pair, prologue, None)
    payload = bytearray()
    state.read_message(ours.receive(b"H"), payload)
    assert bytes(payload) == OUR_PAYLOAD
    assert state.rs.data == our_pair.public.data
    second = bytearray()
    # The pair comes as (initiator's, responder's).
    receive, send = state.write_message(PAYLOAD, second)
    if is_damaged:
        ours.send(b"H", flip(bytes(second)))
        assert ours.receive(b"R") == b"TAG"
        ours.close()
        return
    ours.send(b"H", bytes(second))
    compare(state, ours.receive(b"D"))
    talk(ours, send, receive)
    ours.close()


def main():
    dh = X25519DH()
    for prologue in (b"", b"TALLY\x01" + os.urandom(60)):
        for is_damaged in (False, True):
            we_respond(dh, prologue, is_damaged)
            we_initiate(dh, prologue, is_damaged)
    print("dissononce: both roles, hashes equal, 0 to 60,000 bytes each way, damage refused")


main()
