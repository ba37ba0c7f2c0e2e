import type { Config } from '../config.ts'
import { retryAfterSeconds } from '../lib/retry-after.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** A provider that has not answered within this has failed; the mail is tried again. */
export const TIMEOUT_MS = 10_000
/** How long a provider that had enough of us is left alone where it does not say, and at most, whatever it says. */
const PAUSE_SECONDS = { unsaid: 30, most: 3_600 }

const TOO_MANY = 429

/**
 * How each provider wants a mail. `resend` is Resend's send call; `http` is the same fields in plain JSON, for a relay of
 * your own.
 */
const BODIES: Record<Config['MAIL_PROVIDER'], ((mail: Mail, from: string) => object) | undefined> = {
  none: undefined,
  resend: ({ to, ...mail }, from) => ({ from, to: [to], ...mail }),
  http: (mail, from) => ({ from, ...mail }),
}

/**
 * Hands a mail to the configured provider.
 *
 * @param id the same for every attempt: a provider that took an earlier one does not send twice
 * @returns `undefined` when it took the mail; when it takes none for now (429, or 503 with a time), the seconds to leave it alone
 * @throws Error when it did not take the mail; the message holds nothing of the mail
 */
export async function handOver(config: Config, mail: Mail, id: string): Promise<number | undefined> {
  const body = BODIES[config.MAIL_PROVIDER]
  if (!body) throw new Error('No mail provider is configured (MAIL_PROVIDER).')
  const response = await fetch(config.MAIL_API_URL, {
    method: 'POST',
    redirect: 'manual', // a provider that moves house is not followed with its users' mail
    headers: {
      Authorization: `Bearer ${config.MAIL_API_KEY}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': id,
    },
    body: JSON.stringify(body(mail, config.MAIL_FROM)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  await response.body?.cancel().catch(() => undefined) // unread, it would keep one of a Worker's six connections
  const seconds = retryAfterSeconds(response, Date.now(), PAUSE_SECONDS.most)
  if (seconds !== undefined || response.status === TOO_MANY) return seconds ?? PAUSE_SECONDS.unsaid
  if (!response.ok) throw new Error(`The mail provider answered ${response.status}.`)
  return undefined
}
