import { Cron } from 'croner'
import { errorFields, log } from '../../src/lib/log.ts'

/**
 * Runs each cron when it is due, in UTC as Cloudflare does. A cron that still runs when it is due again is skipped that time.
 *
 * @returns a function that stops it; runs that have begun continue
 */
export function startCrons(crons: readonly string[], run: (cron: string) => Promise<void>): () => void {
  const timers = crons.map((cron) => {
    const skipped = () => log('warn', 'cron_skipped', { cron, reason: 'The last run has not ended.' })
    const failed = (error: unknown) => log('error', 'cron_failed', { cron, ...errorFields(error) })
    return new Cron(cron, { timezone: 'UTC', protect: skipped, catch: failed }, () => run(cron))
  })
  return () => timers.forEach((timer) => timer.stop())
}
