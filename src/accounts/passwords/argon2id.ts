import { blake2b } from '@noble/hashes/blake2.js'
import wasm from '#argon2id.wasm'

/**
 * argon2id (RFC 9106) over the compression function of the `argon2id` package, which does nearly all of the work. The
 * package's own loop blocks the thread until it is done; this loop pauses for other work.
 */

interface Argon2idCost {
  /** Memory in KiB. */
  readonly m: number
  /** Passes over the memory. */
  readonly t: number
}

/** The exports of the package's module. Positions are offsets in its memory. */
interface Compression {
  /** out = compress(x, y); `work` is a block of its own. */
  G(x: number, y: number, out: number, work: number): void
  /** The same twice, which generates addresses. */
  G2(x: number, y: number, out: number, work: number): void
  xor(out: number, x: number, y: number): void
  /** Writes the lane and the column of the block to mix in, derived from the eight bytes at `random`. */
  getLZ(
    out: number,
    random: number,
    lane: number,
    lanes: number,
    pass: number,
    slice: number,
    at: number,
    slices: number,
    length: number,
  ): void
}

/** RFC 9106: bytes per block, slices per pass, and the version and type of argon2id. */
const BLOCK = 1_024
const SLICES = 4
const VERSION = 0x13
const TYPE = 2
/** 8-byte addresses per block. */
const ADDRESSES = BLOCK / 8

/** The memory begins with a few working blocks. */
const [WORK, RANDOM, COUNTER, ZERO, SCRATCH, CHOSEN, BLOCKS] = Array.from({ length: 7 }, (_, at) => at * BLOCK) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]

/**
 * In pages of 64 KiB. The module requires this much from the start: 65 MiB of address space, of which a hash uses 19.
 */
const PAGES = { initial: 1_040, maximum: 1_040 }

/** This many blocks take about half a millisecond. */
const BLOCKS_AT_ONCE = 400

/** One per isolate: there is no memory for two. Only one hash at a time may use it. */
let kept: { compress: Compression; memory: ArrayBuffer } | undefined

/** Created on first use, and kept only once complete. Every runtime of Tollgate has SIMD. */
function compression() {
  if (kept) return kept
  const memory = new WebAssembly.Memory(PAGES)
  const { exports } = new WebAssembly.Instance(wasm, { env: { memory } })
  kept = { compress: exports as unknown as Compression, memory: memory.buffer }
  return kept
}

/** The input of a hash. Its length is in bytes. */
interface Input {
  readonly password: Uint8Array
  readonly salt: Uint8Array
  readonly cost: Argon2idCost
  readonly length: number
}

/**
 * Computes the argon2id hash of a password, with one lane, without a secret and without associated data.
 *
 * @param pause called about twice a millisecond; no other hash may run until this one is done
 */
export async function argon2id(input: Input, pause: () => Promise<void>): Promise<Uint8Array> {
  const { m, t } = input.cost
  const { memory } = compression()
  const segment = Math.floor(m / SLICES)
  const last = blockAt(segment * SLICES - 1)
  const seed = blake2b(hashSeed(input), { dkLen: 64 })
  for (const at of [0, 1]) new Uint8Array(memory, blockAt(at), BLOCK).set(extend(concat(seed, words(at, 0)), BLOCK))

  for (let pass = 0; pass < t; pass++) {
    for (let slice = 0; slice < SLICES; slice++) {
      const fill = filler({ pass, slice, segment, passes: t, last })
      for (let from = 0; from < segment; from += BLOCKS_AT_ONCE) {
        fill(from, Math.min(segment, from + BLOCKS_AT_ONCE))
        await pause()
      }
    }
  }
  return extend(new Uint8Array(memory, last, BLOCK), input.length)
}

const blockAt = (at: number) => BLOCKS + at * BLOCK

/** The position in a hash: one slice of one pass, with the number of blocks in it, and the constants of the hash. */
interface Place {
  readonly pass: number
  readonly slice: number
  readonly segment: number
  readonly passes: number
  /** The position of the last block. */
  readonly last: number
}

/**
 * @returns a function that fills the blocks of a slice from one index to another, in order (RFC 9106 §3.2, steps 5 and
 *   6)
 */
function filler({ pass, slice, segment, passes, last }: Place): (from: number, to: number) => void {
  const { compress, memory } = compression()
  const randomFor = pass === 0 && slice < 2 ? addresses() : (_: number, before: number) => before
  const chosen = new Uint32Array(memory, CHOSEN, 2)
  const begin = pass === 0 && slice === 0 ? 2 : 0 // the seed gives the first two

  return function fill(from, to) {
    for (let at = Math.max(begin, from); at < to; at++) {
      const block = blockAt(slice * segment + at)
      const before = block === BLOCKS ? last : block - BLOCK
      compress.getLZ(CHOSEN, randomFor(at, before), 0, 1, pass, slice, at, SLICES, segment)
      const mixed = blockAt(chosen[1] as number)
      compress.G(before, mixed, pass === 0 ? block : SCRATCH, WORK)
      if (pass > 0) compress.xor(block, SCRATCH, block)
    }
  }

  /** In the first half of the first pass, the mixed-in blocks do not depend on the password (RFC 9106 §3.4.1.2). */
  function addresses() {
    const counter = new BigUint64Array(memory, COUNTER, ADDRESSES)
    counter.set([pass, 0, slice, segment * SLICES, passes, TYPE, 0].map(BigInt))
    let made = 0
    return function randomAt(at: number) {
      const wanted = Math.floor(at / ADDRESSES) + 1
      if (made !== wanted) {
        made = wanted
        counter[6] = BigInt(wanted)
        compress.G2(ZERO, COUNTER, RANDOM, WORK)
      }
      return RANDOM + (at % ADDRESSES) * 8
    }
  }
}

/** Hashes all inputs and parameters first (RFC 9106 §3.2, H0). */
function hashSeed({ password, salt, cost, length }: Input): Uint8Array {
  const parameters = words(1, length, cost.m, cost.t, VERSION, TYPE)
  return concat(parameters, words(password.length), password, words(salt.length), salt, words(0, 0))
}

/** The hash of variable length (RFC 9106 §3.3, H'). */
function extend(input: Uint8Array, length: number): Uint8Array {
  const start = concat(words(length), input)
  if (length <= 64) return blake2b(start, { dkLen: length })
  const out = new Uint8Array(length)
  let part = blake2b(start, { dkLen: 64 })
  let at = 0
  for (; length - at > 64; at += 32) {
    out.set(part.subarray(0, 32), at)
    part = blake2b(part, { dkLen: Math.min(64, length - at - 32) })
  }
  out.set(part, at)
  return out
}

/** 32 bits each, little-endian; every platform that runs this is little-endian. */
const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)

function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
