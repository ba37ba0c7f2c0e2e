import { base62 } from '../lib/base62.ts'
import { randomBytes } from '../lib/bytes.ts'

const LONGEST_READABLE = 32

/** A readable slug that no other organization has: the random tail spares asking and a race. At most 40 characters. */
export function slugFor(name: string): string {
  const readable = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST_READABLE)
    .replace(/^-+|-+$/g, '')
  return `${readable || 'org'}-${base62(randomBytes(5), 7).toLowerCase()}`
}
