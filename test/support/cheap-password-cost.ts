/** Replaces src/accounts/passwords/hash-cost.ts in tests that sign in hundreds of times: the same work, less of it. */
export const COST = { m: 512, t: 2, p: 1 }
export const HASH_MS = 0
export const REFUSAL_MS = 40
