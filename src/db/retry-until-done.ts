import { Problem } from '../problems.ts'

interface Attempts {
  /** The beginning of the sentence that says what is being changed, such as `The plan`. */
  readonly subject?: string
  /** More attempts than this in a row indicate a fault, not a race. */
  readonly max?: number
}

/**
 * Optimistic: decides from a read and writes if the read still holds, else retries.
 *
 * @param attempt returns undefined if the data changed meanwhile
 * @throws Problem `unavailable`
 */
export async function retryUntilDone<Result>(
  attempt: () => Promise<Result | undefined>,
  { subject = 'The organization', max = 5 }: Attempts = {},
): Promise<Result> {
  for (let attempts = 0; attempts < max; attempts++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new Problem('unavailable', { detail: `${subject} is being changed concurrently; retry.` })
}
