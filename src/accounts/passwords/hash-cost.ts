/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
export const COST = { m: 19_456, t: 2, p: 1 } as const

/** So long a hash of that cost keeps a core busy, in milliseconds: measured in workerd. */
export const HASH_MS = 50

/**
 * No sign-in is refused sooner than this after its password came, in milliseconds: hashes of other systems take from a
 * hundredth to ten times as long as one of ours, and no account without one; the time must not tell which it was.
 */
export const REFUSAL_MS = 1_000
