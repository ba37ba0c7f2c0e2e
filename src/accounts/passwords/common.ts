/** What people put before or after a common word to make it long enough: a few digits and signs in any order, ... */
const MAX_ADDED = 5
/** ... or digits in a row, a year, and then up to two signs. */
const ADDED_ROW = /^\p{P}?(\d*)[^\p{L}\p{N}]{0,2}$/u

const SUFFIX = /^\d{0,4}[^\p{L}\p{N}]{0,2}$/u
const LONGEST_SUFFIX = 6

/** Letters that people write as something else. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  '@': 'a',
  4: 'a',
  3: 'e',
  1: 'i',
  '!': 'i',
  0: 'o',
  $: 's',
  5: 's',
  7: 't',
}

/** Words that the frequency list has only as a part of longer entries. */
const MORE_WORDS = [
  'admin',
  'company',
  'default',
  'facebook',
  'guest',
  'india',
  'linkedin',
  'login',
  'root',
  'toor',
  'user',
]

/** What a finger finds by itself; any part of these, in either direction. */
const ROWS = [
  '012345678901234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1q2w3e4r5t6y7u8i9o0p',
  'zxcvbnm,./',
  '11223344556677889900',
]
const PATHS = ROWS.flatMap((row) => [row, row.split('').toReversed().join('')])

interface Lists {
  readonly common: ReadonlySet<string>
  readonly words: ReadonlySet<string>
}

let lists: Lists | undefined

/**
 * Whether a password is among the commonest (ASVS 6.2.4), in whatever case: one of the frequency list itself, or a shorter
 * one of it that was made long enough by digits and signs around it or by writing it twice; or a way along the keys. A
 * letter may be written as the sign that looks like it.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  const lists = await readLists()
  const lower = password.toLowerCase()
  if (lower !== '' && PATHS.some((path) => path.includes(lower))) return true
  return isCommon(lower, lists) || isCommon(asLetters(lower), lists)
}

function isCommon(lower: string, { common, words }: Lists): boolean {
  const half = lower.slice(0, lower.length / 2)
  return (
    common.has(lower) ||
    words.has(wordIn(lower)) ||
    words.has(withoutSuffix(lower, words)) ||
    (half + half === lower && words.has(half))
  )
}

/** @returns what is left when predictable ends are taken off, or the text as it is */
function wordIn(lower: string): string {
  const [, before = '', word = '', after = ''] = /^(\P{L}*)(.*?)(\P{L}*)$/su.exec(lower) ?? []
  return isPredictable(before) && isPredictable(after) ? word : lower
}

/** The same for words that end in digits themselves: up to four digits and two signs are taken off. */
function withoutSuffix(lower: string, words: ReadonlySet<string>): string {
  for (let length = 1; length <= LONGEST_SUFFIX; length++) {
    const word = lower.slice(0, -length)
    if (SUFFIX.test(lower.slice(-length)) && words.has(word)) return word
  }
  return lower
}

function isPredictable(added: string): boolean {
  const [, digits = ''] = ADDED_ROW.exec(added) ?? []
  return added.length <= MAX_ADDED || (digits !== '' && PATHS.some((path) => path.includes(digits)))
}

/** With look-alikes between two letters as the letters that they stand for; those around a word are what was added. */
const asLetters = (lower: string) =>
  lower.replaceAll(/(?<=\p{L})\P{L}+(?=\p{L})/gu, (signs) =>
    [...signs].map((sign) => LOOK_ALIKES[sign] ?? sign).join(''),
  )

/** The lists are imported when a password is first chosen in an isolate: most never see one. */
async function readLists(): Promise<Lists> {
  if (lists) return lists
  const { COMMON, WORDS } = await import('./common-words.ts')
  lists = { common: new Set(COMMON.split(/\s/)), words: new Set([...WORDS.split(/\s/), ...MORE_WORDS]) }
  return lists
}
