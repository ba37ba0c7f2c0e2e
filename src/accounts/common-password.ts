/** What people add to a common word to make it long enough: up to four digits, then up to two signs. */
const SUFFIX = /^\d{0,4}[^\p{L}\p{N}]{0,2}$/u
const LONGEST_SUFFIX = 6

/** What a finger finds by itself; any part of these, in either direction. */
const ROWS = [
  '012345678901234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1q2w3e4r5t6y7u8i9o0p',
]
const PATHS = ROWS.flatMap((row) => [row, row.split('').toReversed().join('')])

let lists: { common: ReadonlySet<string>; words: ReadonlySet<string> } | undefined

/**
 * Whether a password is among the commonest (ASVS 6.2.4), in whatever case: one of the frequency list itself, or a shorter
 * one of it that was made long enough by digits and signs at its end or by writing it twice; or a way along the keys.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  const { common, words } = await readLists()
  const lower = password.toLowerCase()
  const half = lower.slice(0, lower.length / 2)
  if (common.has(lower) || words.has(withoutSuffix(lower, words))) return true
  return (half + half === lower && words.has(half)) || (lower !== '' && PATHS.some((path) => path.includes(lower)))
}

/** @returns the word that is left when a predictable end is taken off, or the text as it is */
function withoutSuffix(lower: string, words: ReadonlySet<string>): string {
  for (let length = 1; length <= LONGEST_SUFFIX; length++) {
    const word = lower.slice(0, -length)
    if (SUFFIX.test(lower.slice(-length)) && words.has(word)) return word
  }
  return lower
}

/** The lists are imported when a password is first chosen in an isolate: most never see one. */
async function readLists() {
  if (lists) return lists
  const { COMMON, WORDS } = await import('./common-passwords.ts')
  lists = { common: new Set(COMMON.split(/\s/)), words: new Set(WORDS.split(/\s/)) }
  return lists
}
