/**
 * The known name that a misspelt one most likely means: another casing (`allowedIps`), a few wrong letters (`scpoes`), or
 * a part of it (`rate_limit` for `custom_rate_limit`).
 *
 * @returns undefined when none is near enough to be worth naming
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
  if (best && best.distance <= Math.max(1, Math.floor(plain.length / 3))) return best.one
  return plain.length < MIN_PART_LENGTH ? undefined : known.find((one) => isPart(plain, toPlain(one)))
}

/** A longer name is no typing error, and comparing it would cost its length squared. */
const MAX_NAME_LENGTH = 64
/** Shorter texts are part of too many names. */
const MIN_PART_LENGTH = 4

const toPlain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

const isPart = (one: string, other: string) =>
  one.includes(other) ? other.length >= MIN_PART_LENGTH : other.includes(one)

/** The Levenshtein distance: letters put in, left out or replaced. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced))
    }
    row = next
  }
  return row[to.length] ?? 0
}
