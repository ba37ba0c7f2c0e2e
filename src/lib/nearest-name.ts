/**
 * Finds the known name that a misspelled one most likely means: another casing (`allowedIps`), a few wrong letters
 * (`scpoes`), or a part of it (`rate_limit` for `custom_rate_limit`).
 *
 * @returns undefined if no name is close enough
 */
export function findNearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined
  const plain = toPlain(name)
  const same = known.find((one) => toPlain(one) === plain)
  if (same !== undefined) return same
  const ranked = known
    .map((one) => ({ one, distance: countEdits(plain, toPlain(one)) }))
    .toSorted((a, b) => a.distance - b.distance)
  const [best] = ranked
  if (best && best.distance < plain.length && best.distance <= Math.max(1, Math.floor(plain.length / 3)))
    return best.one
  return plain.length < MIN_PART_LENGTH ? undefined : known.find((one) => isPart(plain, toPlain(one)))
}

/** A longer name is not a typing error, and the comparison costs its length squared. */
const MAX_NAME_LENGTH = 64
/** Shorter texts are contained in too many names. */
const MIN_PART_LENGTH = 4

const toPlain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

const isPart = (one: string, other: string) =>
  one.includes(other) ? other.length >= MIN_PART_LENGTH : other.includes(one)

/** Counts letters inserted, deleted, replaced, or swapped with their neighbor (optimal string alignment distance). */
function countEdits(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[column - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = current
  }
  return last[to.length] as number
}
