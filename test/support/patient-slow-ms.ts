/** Replaces src/events/slow-ms.ts: a busy machine is slow, not the endpoint. */
export const SLOW_MS = 3_000
