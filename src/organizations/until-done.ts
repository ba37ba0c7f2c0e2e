import { Problem } from '../problems.ts'

/** A decision that was overtaken is repeated. More attempts than this in a row are a fault, not a race. */
const MAX_ATTEMPTS = 5

/**
 * Decides from a read and writes if it still holds, else reads again.
 *
 * @param attempt undefined if it was overtaken
 * @throws Problem `unavailable`
 */
export async function untilDone<Result>(attempt: () => Promise<Result | undefined>): Promise<Result> {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new Problem('unavailable', { detail: 'The organization is being changed right now.' })
}
