import { Problem } from '../problems.ts'

/** A decision is retried if the data changed meanwhile. More attempts than this in a row indicate a fault, not a race. */
const MAX_ATTEMPTS = 5

/**
 * Optimistic: decides from a read and writes if the read still holds, else retries.
 *
 * @param attempt returns undefined if the data changed meanwhile
 * @throws Problem `unavailable`
 */
export async function untilDone<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new Problem('unavailable', { detail: 'The organization is being changed right now.' })
}
