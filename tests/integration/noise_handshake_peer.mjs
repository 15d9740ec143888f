// SPDX-License-Identifier: Apache-2.0
//
// Goal: our Noise IK and npm's noise-handshake understand each other, in both roles.
// Method: noise_peer (the code that ships) is one side, noise-handshake the other. Handshake hashes
// and payloads are compared, messages of 0, 1 and 60,000 bytes go each way, and one flipped bit is
// refused by whoever gets it.
//
// usage: node noise_handshake_peer.mjs NOISE_PEER DIRECTORY-WITH-NODE_MODULES

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'

const [program, prefix] = process.argv.slice(2)
const load = createRequire(path.join(path.resolve(prefix), 'package.json'))
const Noise = load('noise-handshake')
const Cipher = load('noise-handshake/cipher')
const curve = load('noise-handshake/dh')

const PAYLOAD = Buffer.from('payload of theirs')
const OUR_PAYLOAD = Buffer.from('payload of ours')
const SIZES = [0, 1, 60000, 0, 1, 60000]

// noise_peer, spoken to in its frames.
class Ours {
  constructor (...args) {
    this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.exit = once(this.process, 'exit')
    this.output = this.process.stdout[Symbol.asyncIterator]()
    this.buffered = Buffer.alloc(0)
  }

  send (letter, body) {
    const head = Buffer.alloc(5)
    head.writeUInt32LE(body.length + 1)
    head.write(letter, 4)
    this.process.stdin.write(Buffer.concat([head, body]))
  }

  async take (count) {
    while (this.buffered.length < count) {
      const { value, done } = await this.output.next()
      assert(!done, 'noise_peer ended')
      this.buffered = Buffer.concat([this.buffered, value])
    }
    const taken = this.buffered.subarray(0, count)
    this.buffered = this.buffered.subarray(count)
    return taken
  }

  async receive (letter) {
    const length = (await this.take(4)).readUInt32LE()
    const frame = await this.take(length)
    assert.equal(String.fromCharCode(frame[0]), letter)
    return frame.subarray(1)
  }

  async close () {
    this.process.stdin.end()
    const [status] = await this.exit
    assert.equal(status, 0)
  }
}

function flip (message) {
  const damaged = Buffer.from(message)
  damaged[damaged.length >> 1] ^= 0x10
  return damaged
}

async function compare (ours, state) {
  const done = await ours.receive('D')
  assert.deepEqual(done.subarray(0, 64), Buffer.from(state.hash))
  assert.deepEqual(done.subarray(64), PAYLOAD)
}

async function talk (ours, state) {
  const send = new Cipher(state.tx)
  const receive = new Cipher(state.rx)
  for (const size of SIZES) {
    const plaintext = randomBytes(size)
    const sealed = Buffer.from(send.encrypt(plaintext))
    ours.send('T', flip(sealed))
    assert.equal((await ours.receive('R')).toString(), 'TAG')
    ours.send('T', sealed)
    const answer = await ours.receive('T')
    assert.throws(() => receive.decrypt(flip(answer)))
    const opened = Buffer.from(receive.decrypt(answer))
    assert.deepEqual(opened, Buffer.from(plaintext.map(byte => byte + 1)))
  }
}

const hex = bytes => Buffer.from(bytes).toString('hex')

async function weRespond (prologue, isDamaged) {
  const ourPair = curve.generateKeyPair()
  const ours = new Ours('responder', hex(ourPair.secretKey), hex(prologue))
  const state = new Noise('IK', true, curve.generateKeyPair())
  state.initialise(prologue, Buffer.from(ourPair.publicKey))
  const first = Buffer.from(state.send(PAYLOAD))
  if (isDamaged) {
    ours.send('H', flip(first))
    assert.equal((await ours.receive('R')).toString(), 'TAG')
    return ours.close()
  }
  ours.send('H', first)
  assert.deepEqual(Buffer.from(state.recv(await ours.receive('H'))), OUR_PAYLOAD)
  await compare(ours, state)
  await talk(ours, state)
  return ours.close()
}

async function weInitiate (prologue, isDamaged) {
  const ourPair = curve.generateKeyPair()
  const theirPair = curve.generateKeyPair()
  const ours = new Ours(
    'initiator', hex(ourPair.secretKey), hex(theirPair.publicKey), hex(prologue))
  const state = new Noise('IK', false, theirPair)
  state.initialise(prologue)
  assert.deepEqual(Buffer.from(state.recv(await ours.receive('H'))), OUR_PAYLOAD)
  assert.deepEqual(Buffer.from(state.rs), Buffer.from(ourPair.publicKey))
  const second = Buffer.from(state.send(PAYLOAD))
  if (isDamaged) {
    ours.send('H', flip(second))
    assert.equal((await ours.receive('R')).toString(), 'TAG')
    return ours.close()
  }
  ours.send('H', second)
  await compare(ours, state)
  await talk(ours, state)
  return ours.close()
}

const likeOurs = Buffer.concat([Buffer.from('TALLY\x01'), randomBytes(60)])
for (const prologue of [Buffer.alloc(0), likeOurs]) {
  for (const isDamaged of [false, true]) {
    await weRespond(prologue, isDamaged)
    await weInitiate(prologue, isDamaged)
  }
}
console.log('noise-handshake: both roles, hashes equal, 0 to 60,000 bytes each way, damage refused')
