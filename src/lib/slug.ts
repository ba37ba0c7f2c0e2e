import { base62 } from './base62.ts'
import { randomBytes } from './bytes.ts'

const LONGEST_READABLE = 32

/** Letters that Unicode does not decompose into a base letter and a mark. */
const LATIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  æ: 'ae',
  œ: 'oe',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

/** A readable slug that no other organization has. The random tail avoids a query and a race. At most 40 characters. */
export function slugFor(name: string): string {
  const readable = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[ßøæœłđðþı]/g, (letter) => LATIN[letter] ?? letter)
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST_READABLE)
    .replace(/^-+|-+$/g, '')
  return `${readable || 'org'}-${base62(randomBytes(5), 7).toLowerCase()}`
}
