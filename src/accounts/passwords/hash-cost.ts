/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
export const COST = { m: 19_456, t: 2, p: 1 } as const

/** How long a hash of that cost keeps a core busy, in milliseconds, measured in workerd. */
export const HASH_MS = 50

/**
 * A sign-in is never refused sooner than this after its password arrived, in milliseconds. Hashes of other systems take
 * from a hundredth to ten times as long as argon2id, and an account without a hash takes no time. The response time
 * must not reveal which it was.
 */
export const REFUSAL_MS = 1_000
