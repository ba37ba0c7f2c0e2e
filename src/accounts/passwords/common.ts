import { lazily } from '../../lib/lazily.ts'

const loadCommonWords = lazily(() => import('./common-words.ts'))
/** The most digits and symbols that people add to a common word, before or after it, in any order. */
const MAX_ADDED = 5
/** Longer additions that count as well: consecutive digits or a year, and then up to two symbols. */
const ADDED_ROW = /^\p{P}?(\d*)[^\p{L}\p{N}]{0,2}$/u

const SUFFIX = /^\d{0,4}[^\p{L}\p{N}]{0,2}$/u
const LONGEST_SUFFIX = 6

/** Symbols that people write instead of letters. */
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

/** Words that the frequency list contains only within longer entries. */
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

/** Rows of keys. Any part of them counts, in either direction. */
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
 * Whether a password is among the most common ones (ASVS 6.2.4), in any case: an entry of the frequency list; a shorter
 * entry that was lengthened by digits and symbols or by repetition; or a run of adjacent keys. A letter may be replaced
 * by a symbol that looks like it.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  const lists = await readLists()
  const lower = password.toLowerCase()
  if (lower !== '' && PATHS.some((path) => path.includes(lower))) return true
  return isCommon(lower, lists) || isCommon(toLetters(lower), lists)
}

function isCommon(lower: string, { common, words }: Lists): boolean {
  const half = lower.slice(0, lower.length / 2)
  return (
    common.has(lower) ||
    words.has(stripEnds(lower)) ||
    words.has(withoutSuffix(lower, words)) ||
    (half + half === lower && words.has(half))
  )
}

/** @returns the text without predictable ends, or the text itself if it has none */
function stripEnds(lower: string): string {
  const [, before = '', word = '', after = ''] = /^(\P{L}*)(.*?)(\P{L}*)$/su.exec(lower) ?? []
  return isPredictable(before) && isPredictable(after) ? word : lower
}

/** The same for words that end in digits themselves: removes up to four digits and two symbols. */
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

/** Replaces look-alikes between two letters with their letters. Those around a word were added to it. */
const toLetters = (lower: string) =>
  lower.replaceAll(/(?<=\p{L})\P{L}+(?=\p{L})/gu, (signs) =>
    [...signs].map((sign) => LOOK_ALIKES[sign] ?? sign).join(''),
  )

/** The lists are imported when an isolate first checks a new password. Most isolates never do. */
async function readLists(): Promise<Lists> {
  if (lists) return lists
  const { COMMON, WORDS } = await loadCommonWords()
  lists = { common: new Set(COMMON.split(/\s/)), words: new Set([...WORDS.split(/\s/), ...MORE_WORDS]) }
  return lists
}
