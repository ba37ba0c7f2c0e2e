import { createHash, randomBytes } from 'node:crypto'
import type { Call, Reply } from './http.ts'

/** Passwords that this stack reports as breached, with their counts. */
const BREACHED: Readonly<Record<string, number>> = { 'breached-password-123': 1_234 }
/** How many lines of padding a caller gets on request; the real service pads to between 800 and 1,000 lines. */
const PADDING_LINES = 20

export const BREACHED_RANGE = '/breached/range/'

/**
 * The service that answers like Have I Been Pwned's range endpoint: `GET …/range/{first five hex digits of a SHA-1}` returns the
 * rest of each known hash that begins with them, with its count; with `Add-Padding: true` also lines with count 0.
 */
export function breachedService({ url, headers }: Call): Reply {
  const prefix = url.pathname.slice(BREACHED_RANGE.length).toUpperCase()
  if (!/^[0-9A-F]{5}$/.test(prefix)) return plain(400, 'The hash prefix was not in a valid format')
  const padding = headers['add-padding'] === 'true' ? Array.from({ length: PADDING_LINES }, paddingLine) : []
  return plain(200, [...listLines(prefix), ...padding].join('\r\n'))
}

function listLines(prefix: string): string[] {
  return Object.entries(BREACHED).flatMap(([password, count]) => {
    const hash = createHash('sha1').update(password).digest('hex').toUpperCase()
    return hash.startsWith(prefix) ? [`${hash.slice(prefix.length)}:${count}`] : []
  })
}

const paddingLine = () => `${randomBytes(18).toString('hex').slice(1).toUpperCase()}:0`

const plain = (status: number, body: string): Reply => ({ status, type: 'text/plain; charset=utf-8', body })
