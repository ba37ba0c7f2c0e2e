import { type SQL, sql } from 'drizzle-orm'
import { mailOutbox } from '../db/schema/mail.ts'
import type { Deps } from '../deps.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { errorFields, log } from '../lib/log.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { handOver, type Mail } from './provider.ts'

/**
 * Seconds until the next attempt, after the first, second … failure; after the last the mail is given up. Each is stretched
 * by up to a fifth, by chance, so that what failed together does not come back together.
 */
const BACK_OFF_SECONDS = [30, 120, 600, 1_800, 7_200, 21_600, 86_400]
/** Mails in a round: a Worker has six connections, and a provider takes a few in a second. */
const AT_ONCE = 4
/** A run of the job begins no round after this. The next minute's run goes on. */
const RUN_MS = 20_000

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

/**
 * The statement that puts mails into the outbox if a condition holds there and then: for jobs, where two runs at once may
 * have the same to tell. The job of every minute sends them.
 */
export function insertMails(now: number, mails: readonly Mail[], provided: SQL): SQL {
  const rows = mails.map(({ to, subject, text, html }) => ({ id: uuidv7(now), to, subject, text, html }))
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  return sql`
    insert into mail_outbox (id, recipient, subject, text, html, next_attempt_at, created_at)
    select mail.id, mail."to", mail.subject, mail.text, mail.html, ${at}, ${at}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as mail(id uuid, "to" text, subject text, text text, html text)
    where ${provided}`
}

/** Due mails, each claimed so that two runs at once do not send it twice, and put off so that a dead run's are tried again. */
const CLAIM = `
update mail_outbox set attempts = attempts + 1,
  next_attempt_at = $1::timestamptz
    + make_interval(secs => ($2::int[])[least(attempts + 1, cardinality($2::int[]))] * (1 + random() / 5))
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

/**
 * Sends what is due, in rounds; a job does so every minute. A provider that limits its rate is left alone for as long as it
 * asks: the run waits if that is short, and else ends.
 *
 * @returns how many were taken by the provider, how many were not, and how often it put one off
 */
export async function deliverDueMail(deps: Deps) {
  const end = deps.now() + RUN_MS
  const counts = { sent: 0, failed: 0, put_off: 0 }
  do {
    const claimed = await claim(deps, AT_ONCE)
    if (claimed.length === 0) break
    const attempts = await Promise.all(claimed.map((mail) => attempt(deps, mail)))
    for (const { became } of attempts) counts[became] += 1
    const pauseMs = 1000 * Math.max(...attempts.map(({ pauseSeconds }) => pauseSeconds))
    if (deps.now() + pauseMs >= end) break
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  } while (deps.now() < end)
  return counts
}

async function deliver(deps: Deps, id: string): Promise<void> {
  try {
    for (const mail of await claim(deps, 1, id)) await attempt(deps, mail)
  } catch (error) {
    log('warn', 'mail_delivery_failed', { mail_id: id, ...errorFields(error) }) // still due: the job will try
  }
}

/** @param id this one alone, if it is due; any when absent */
async function claim(deps: Deps, atMost: number, id?: string): Promise<Claimed[]> {
  const parameters = [new Date(deps.now()).toISOString(), BACK_OFF_SECONDS, id ?? null, atMost]
  return (await deps.sql.query(CLAIM, parameters)) as Claimed[]
}

interface Attempt {
  readonly became: 'sent' | 'failed' | 'put_off'
  /** How long the provider wants to be left alone. */
  readonly pauseSeconds: number
}

async function attempt(deps: Deps, claimed: Claimed): Promise<Attempt> {
  const { id, recipient, attempts: _, ...mail } = claimed
  let pauseSeconds: number | undefined
  try {
    pauseSeconds = await handOver(deps.config, { to: recipient, ...mail }, id)
  } catch (error) {
    await noteFailed(deps, claimed, error)
    return { became: 'failed', pauseSeconds: 0 }
  }
  if (pauseSeconds !== undefined) {
    await putOff(deps, claimed, pauseSeconds)
    return { became: 'put_off', pauseSeconds }
  }
  const sentAt = new Date(deps.now()).toISOString()
  await deps.sql.query(
    'update mail_outbox set sent_at = $2, next_attempt_at = null, text = null, html = null, error = null where id = $1',
    [id, sentAt],
  )
  return { became: 'sent', pauseSeconds: 0 }
}

/** It stays due at the time that was set when it was claimed; given up, it is emptied as if it had been sent. */
async function noteFailed(deps: Deps, { id, attempts }: Claimed, error: unknown): Promise<void> {
  const isLast = attempts > BACK_OFF_SECONDS.length
  log(isLast ? 'error' : 'warn', isLast ? 'mail_given_up' : 'mail_not_sent', {
    mail_id: id,
    attempts,
    ...errorFields(error),
  })
  const rest = isLast ? ', next_attempt_at = null, text = null, html = null' : ''
  await deps.sql.query(`update mail_outbox set error = $2${rest} where id = $1`, [
    id,
    errorFields(error).message ?? 'failed',
  ])
}

/** The mail was not looked at, so the attempt does not count: a crowd is no reason to give one up. */
async function putOff(deps: Deps, { id, attempts }: Claimed, seconds: number): Promise<void> {
  log('warn', 'mail_put_off', { mail_id: id, seconds })
  const due = new Date(deps.now() + seconds * 1000).toISOString()
  await deps.sql.query(
    `update mail_outbox set attempts = attempts - 1, next_attempt_at = $3, error = 'The mail provider limits the rate.'
     where id = $1 and attempts = $2 and sent_at is null`,
    [id, attempts, due],
  )
}
