import { mailOutbox } from '../db/schema/mail.ts'
import type { Deps } from '../deps.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { errorFields, log } from '../lib/log.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { handOver, type Mail } from './provider.ts'

/** Seconds until the next attempt, after the first, second … failure; after the last the mail is given up. */
const BACK_OFF_SECONDS = [30, 120, 600, 1_800, 7_200, 21_600, 86_400]
/** Mails one run of the job hands over; the next minute's run goes on. */
const DUE_AT_MOST = 50

/**
 * A mail with its row: put `insert` into the batch of what the mail is about, so that there is not one without the other,
 * and call `send` after it. The answer never waits for the provider, and a mail survives its failing.
 */
export function mailFor(deps: ManagementDeps, { to, subject, text, html }: Mail) {
  const id = uuidv7(deps.now())
  const now = new Date(deps.now())
  return {
    insert: deps.db
      .insert(mailOutbox)
      .values({ id, recipient: to, subject, text, html, nextAttemptAt: now, createdAt: now }),
    send: () => deps.defer(deliver(deps, id)),
  }
}

/** Due mails, each claimed so that two runs at once do not send it twice, and put off so that a dead run's are tried again. */
const CLAIM = `
update mail_outbox set attempts = attempts + 1,
  next_attempt_at = $1::timestamptz + make_interval(secs => ($2::int[])[least(attempts + 1, cardinality($2::int[]))])
where id = any(array(
  select id from mail_outbox where next_attempt_at <= $1 and ($3::uuid is null or id = $3)
  order by next_attempt_at limit $4 for update skip locked))
returning id, recipient, subject, text, html, attempts`

interface Claimed {
  readonly id: string
  readonly recipient: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly attempts: number
}

/** Sends what is due; a job does so every minute. @returns how many were taken by the provider, and how many were not */
export async function deliverDueMail(deps: Deps) {
  const results = await Promise.all((await claim(deps, undefined)).map((mail) => attempt(deps, mail)))
  const sent = results.filter(Boolean).length
  return { sent, failed: results.length - sent }
}

async function deliver(deps: Deps, id: string): Promise<void> {
  try {
    for (const mail of await claim(deps, id)) await attempt(deps, mail)
  } catch (error) {
    log('warn', 'mail_delivery_failed', { mail_id: id, ...errorFields(error) }) // still due: the job will try
  }
}

async function claim(deps: Deps, id: string | undefined): Promise<Claimed[]> {
  const parameters = [new Date(deps.now()).toISOString(), BACK_OFF_SECONDS, id ?? null, DUE_AT_MOST]
  return (await deps.sql.query(CLAIM, parameters)) as Claimed[]
}

async function attempt(deps: Deps, { id, recipient, attempts, ...mail }: Claimed): Promise<boolean> {
  try {
    await handOver(deps.config, { to: recipient, ...mail }, id)
  } catch (error) {
    const isLast = attempts > BACK_OFF_SECONDS.length
    log(isLast ? 'error' : 'warn', isLast ? 'mail_given_up' : 'mail_not_sent', {
      mail_id: id,
      attempts,
      ...errorFields(error),
    })
    const next = isLast ? ', next_attempt_at = null' : ''
    await deps.sql.query(`update mail_outbox set error = $2${next} where id = $1`, [
      id,
      errorFields(error).message ?? 'failed',
    ])
    return false
  }
  const sentAt = new Date(deps.now()).toISOString()
  await deps.sql.query(
    'update mail_outbox set sent_at = $2, next_attempt_at = null, text = null, html = null, error = null where id = $1',
    [id, sentAt],
  )
  return true
}
