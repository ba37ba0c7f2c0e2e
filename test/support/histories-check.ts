import fc from 'fast-check'
import { inject } from 'vitest'

interface Histories<T> {
  readonly runs: number
  readonly examples?: T[] | undefined
}

const SEED = 20_261_130
/** When no new run starts, in milliseconds: a failure that is still being simplified is then reported as it is. */
const WITHIN_MS = 120_000
const { seed, ms } = inject('histories')

/** The timeout of a test of histories, in milliseconds. */
export const HISTORIES_TIMEOUT_MS = 60_000 + (ms ?? WITHIN_MS)

/**
 * Checks a property of random histories: the same ones in every run, so that no test fails by chance. The variable
 * `HISTORY_SEED` draws others, and `HISTORY_MS` draws more of them, for that long.
 */
export async function checkHistories<T extends [unknown, ...unknown[]]>(
  property: fc.IAsyncPropertyWithHooks<T>,
  { runs, examples = [] }: Histories<T>,
): Promise<void> {
  await fc.assert(property, {
    seed: seed ?? SEED,
    numRuns: ms === undefined ? runs : Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: ms ?? WITHIN_MS,
    examples,
  })
}
