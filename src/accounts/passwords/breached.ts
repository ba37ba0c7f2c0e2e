import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Deps } from '../../deps.ts'
import { utf8 } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'

const PREFIX_LENGTH = 5
/** A line of the response: the rest of a hash, and how often it was seen. */
const LINE = /^([0-9A-F]{35}):(\d+)$/

/**
 * Whether a password is known from a breach, by the range protocol of Have I Been Pwned: it sends five of the 40 hex
 * digits of its SHA-1 and receives all known hashes with this prefix, padded so that their number reveals nothing.
 * Lines with a count of 0 are padding.
 *
 * If the service does not respond in time, passwords are accepted: `breach_check_unavailable` is logged, and the other
 * rules apply.
 *
 * @returns false when BREACHED_PASSWORDS_URL is not set
 */
export async function isBreachedPassword({ config }: Pick<Deps, 'config'>, password: string): Promise<boolean> {
  if (!config.BREACHED_PASSWORDS_URL) return false
  const hash = bytesToHex(sha1(utf8(password))).toUpperCase()
  try {
    const url = `${config.BREACHED_PASSWORDS_URL}/${hash.slice(0, PREFIX_LENGTH)}`
    const range = await fetchRange(url, config.BREACHED_PASSWORDS_TIMEOUT_MS)
    return (range.get(hash.slice(PREFIX_LENGTH)) ?? 0) > 0
  } catch (error) {
    log('warn', 'breach_check_unavailable', errorFields(error))
    return false
  }
}

async function fetchRange(url: string, timeoutMs: number): Promise<Map<string, number>> {
  const response = await fetch(url, {
    headers: { 'Add-Padding': 'true', 'User-Agent': 'tollgate' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) throw new Error(`The range service answered ${response.status}.`)
  const lines = (await response.text()).split(/\r?\n/).filter(Boolean)
  return new Map(lines.map(readLine))
}

function readLine(line: string): [suffix: string, count: number] {
  const match = LINE.exec(line)
  if (!match) throw new Error('The range service sent an unexpected answer.')
  return [match[1] as string, Number(match[2])]
}
