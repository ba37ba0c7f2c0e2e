/** Deletes what Redis derived from the former database. */
import type { Send } from '../support/redis-command.ts'

/**
 * Counters of periods and credits, calendar limits of keys, and versions of rows: all of them restart from the restored
 * database. Rate limits, reservations, the spool and the marks of repeated requests stay.
 */
const PREFIXES = ['used:', 'credits:', 'limit:', 'limits:', 'version:'] as const
const SCAN_COUNT = '1000'

/** @returns how many keys were deleted */
export async function forgetCounters(send: Send): Promise<number> {
  let deleted = 0
  for (const prefix of PREFIXES) {
    let cursor = '0'
    do {
      const [next, keys] = (await send(['SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', SCAN_COUNT])) as [
        string,
        string[],
      ]
      if (keys.length > 0) deleted += Number(await send(['UNLINK', ...keys]))
      cursor = next
    } while (cursor !== '0')
  }
  return deleted
}
