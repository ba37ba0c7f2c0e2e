import type { Config } from '../config.ts'
import { retryAfterSeconds } from '../lib/retry-after.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** A provider that does not answer within this time has failed; the email is retried. */
export const TIMEOUT_MS = 10_000
/** The pause of a provider that limits its rate: the default, and the maximum whatever it says. */
const PAUSE_SECONDS = { unsaid: 30, most: 3_600 }

const TOO_MANY = 429

/**
 * The request body of each provider. `resend` is Resend's send call; `http` has the same fields as plain JSON, for your
 * own relay.
 */
const BODIES: Record<Config['MAIL_PROVIDER'], ((mail: Mail, from: string) => object) | undefined> = {
  none: undefined,
  resend: ({ to, ...mail }, from) => ({ from, to: [to], ...mail }),
  http: (mail, from) => ({ from, ...mail }),
}

/**
 * Sends an email to the configured provider.
 *
 * @param id the same for every attempt, so that a provider that accepted an earlier one does not send twice
 * @returns `undefined` if it accepted the email; if it accepts none right now (429, or 503 with a time), the seconds to
 *   pause
 * @throws Error if it did not accept the email; the message contains nothing of the email
 */
export async function handOver(config: Config, mail: Mail, id: string): Promise<number | undefined> {
  const body = BODIES[config.MAIL_PROVIDER]
  if (!body) throw new Error('No mail provider is configured (MAIL_PROVIDER).')
  const response = await fetch(config.MAIL_API_URL, {
    method: 'POST',
    redirect: 'manual', // users' email is never sent to the target of a redirect
    headers: {
      Authorization: `Bearer ${config.MAIL_API_KEY}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': id,
    },
    body: JSON.stringify(body(mail, config.MAIL_FROM)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  await response.body?.cancel().catch(() => undefined) // an unread body would occupy one of a Worker's six connections
  const seconds = retryAfterSeconds(response, Date.now(), PAUSE_SECONDS.most)
  if (seconds !== undefined || response.status === TOO_MANY) return seconds ?? PAUSE_SECONDS.unsaid
  if (!response.ok) throw new Error(`The mail provider answered ${response.status}.`)
  return undefined
}
