/** The pause that the email provider asked for, shared by every isolate and every run. */
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'

/** Keyed by the provider's address, because another provider has not asked for a pause. */
const toKey = ({ config }: Deps) => `mail:paused:${sha256Hex(config.MAIL_API_URL).slice(0, 16)}`

/** KEYS: the pause. ARGV: its end in Unix milliseconds, and the time until then. A longer pause stays. */
const PROLONG = defineScript(`
if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

/** Stores a pause for later runs. If Redis fails, only this run pauses. */
export async function keepPause(deps: Deps, seconds: number): Promise<void> {
  const ms = Math.ceil(seconds * 1000)
  try {
    await runScript(deps.redis.shared, PROLONG, [toKey(deps)], [deps.now() + ms, ms])
  } catch (error) {
    log('warn', 'mail_pause_not_kept', errorFields(error))
  }
}

/** @returns until when the provider is paused, in Unix milliseconds; 0 without a pause, or if Redis fails */
export async function readPause(deps: Deps): Promise<number> {
  try {
    return Number((await deps.redis.shared.get(toKey(deps))) ?? 0)
  } catch (error) {
    log('warn', 'mail_pause_not_read', errorFields(error))
    return 0
  }
}
