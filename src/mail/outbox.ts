import { type SQL, sql } from 'drizzle-orm'
import { mailOutbox } from '../db/schema/mail.ts'
import type { Deps, ManagementDeps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { inPool } from '../lib/pool.ts'
import { sleep } from '../lib/sleep.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { keepPause, readPause } from './pause.ts'
import { handOver, type Mail, TIMEOUT_MS } from './provider.ts'

/**
 * Seconds until the next attempt, after the first, second … failure. After the last one the email is given up. Each is
 * extended by a random jitter of up to a fifth, so that emails that failed together are not retried together.
 */
const BACK_OFF_SECONDS = [30, 120, 600, 1_800, 7_200, 21_600, 86_400]
/**
 * Concurrent emails: the job's six connections also serve four deliveries of webhooks, and a provider accepts a few emails
 * per second.
 */
const CONCURRENCY = 2
/** How many of them may have been attempted before: what was slow or failed once does not delay new emails. */
const MAX_RETRIES = 1
/** A run of the job ends within this time, before the next one begins. */
export const RUN_MS = 50_000
/** How long an urgent email waits after its request for the end of a pause. Other emails are left to the job. */
const PAUSE_WAIT_MS = 5_000
/** Over how long the emails that wait for the end of the same pause are spread. */
const SPREAD_MS = 1_000
/** How long a claim lasts: longer than an attempt. The claims of a run that died are due again after it. */
const LEASE_SECONDS = 30

interface Urgency {
  /** Whether somebody waits for the email, such as for a code. It is sent before all emails that are not urgent. */
  readonly urgent: boolean
}

/**
 * An email with its row: put `insert` in the batch of the email's cause, so that neither exists without the other, and
 * call `send` after it. The answer never waits for the provider, and an email survives a failure of the provider.
 */
export function mailFor(
  deps: ManagementDeps,
  { to, subject, text, html }: Mail,
  { urgent }: Urgency = { urgent: false },
) {
  const at = deps.now()
  const id = uuidv7(at)
  const now = new Date(at)
  return {
    insert: deps.db
      .insert(mailOutbox)
      .values({ id, recipient: to, subject, text, html, urgent, nextAttemptAt: now, createdAt: now }),
    send: () => sendMailSoon(deps, id, urgent ? PAUSE_WAIT_MS : 0),
  }
}

/**
 * Sends an email after the request is answered.
 *
 * @param waitMs how long it may wait for the end of a pause
 */
export function sendMailSoon(deps: Deps, id: string, waitMs = 0): void {
  deps.defer(deliver(deps, id, deps.now() + waitMs))
}

/**
 * The statement that queues emails if a condition holds when it runs: for jobs, where two concurrent runs may have the
 * same email to send. The job that runs every minute sends them.
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

/**
 * Claims due emails, so that two concurrent runs do not send one twice, and postpones them, so that those of a dead run
 * are retried. Urgent emails come first: while one is due, no other email is retried.
 */
const IS_DUE = 'next_attempt_at <= $1 and ($3::uuid[] is null or id = any($3))'
const CLAIM = `
with retries as materialized (
  select id from mail_outbox where ${IS_DUE} and attempts > 0
    and (urgent or not exists (select from mail_outbox where ${IS_DUE} and urgent))
  order by urgent desc, next_attempt_at limit $5 for update skip locked
), fresh as materialized (
  select id from mail_outbox where ${IS_DUE} and attempts = 0
  order by urgent desc, next_attempt_at limit $4 - (select count(*) from retries) for update skip locked
)
update mail_outbox set attempts = attempts + 1, next_attempt_at = $1::timestamptz + make_interval(secs => $2)
where id in (select id from retries union all select id from fresh)
returning id, recipient, subject, text, html, attempts`

interface ClaimedMail {
  readonly id: string
  readonly recipient: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly attempts: number
}

/**
 * Sends due emails concurrently, so that a slow email does not delay the others. Retries have a place of their own. A job calls
 * this every minute. An email starts only if it can finish within the run's time. If a provider limits its rate, all emails and
 * all runs pause for as long as it asks: this run waits if the pause is short, and otherwise stops.
 *
 * @param ids only these emails; all if absent
 * @returns how many emails the provider accepted, how many failed, and how often it limited the rate
 */
export async function deliverDueMail(deps: Deps, ids?: readonly string[]) {
  const lastBegin = deps.now() + RUN_MS - TIMEOUT_MS
  const counts = { sent: 0, failed: 0, put_off: 0 }
  let pausedUntil = await readPause(deps)
  let retries = 0

  async function take(atMost: number): Promise<ClaimedMail[]> {
    const pauseMs = pausedUntil - deps.now()
    if (Math.max(deps.now(), pausedUntil) > lastBegin) return []
    if (pauseMs <= 0) return claim(deps, { atMost, retriesAtMost: Math.min(atMost, MAX_RETRIES - retries), ids })
    await sleep(pauseMs)
    return take(atMost) // the pause may have become longer
  }

  async function work(mail: ClaimedMail) {
    const weight = mail.attempts > 1 ? 1 : 0
    retries += weight
    try {
      const became = await attempt(deps, mail, (seconds) => {
        pausedUntil = Math.max(pausedUntil, deps.now() + seconds * 1000)
      })
      counts[became] += 1
    } catch (error) {
      counts.failed += 1
      log('warn', 'mail_outcome_lost', { mail_id: mail.id, ...errorFields(error) }) // still due, so it is retried
    } finally {
      retries -= weight
    }
  }

  await inPool(CONCURRENCY, take, work)
  return counts
}

/**
 * @param until how long it may wait for the end of a pause, in Unix milliseconds; after that, the job sends the email
 */
async function deliver(deps: Deps, id: string, until: number): Promise<void> {
  try {
    let became: Outcome | undefined
    do {
      const pausedUntil = await readPause(deps)
      const pauseMs = pausedUntil - deps.now()
      if (pauseMs > 0) {
        if (pausedUntil > until) return
        await sleep(pauseMs + Math.random() * SPREAD_MS)
        became = 'put_off' // the pause may have become longer
        continue
      }
      const [mail] = await claim(deps, { atMost: 1, retriesAtMost: 1, ids: [id] })
      became = mail && (await attempt(deps, mail))
    } while (became === 'put_off' && deps.now() < until)
  } catch (error) {
    log('warn', 'mail_delivery_failed', { mail_id: id, ...errorFields(error) }) // still due, so the job retries it
  }
}

type Outcome = 'sent' | 'failed' | 'put_off'

interface ClaimOptions {
  readonly atMost: number
  /** How many of them may have been attempted before. */
  readonly retriesAtMost: number
  /** Only these emails, if they are due; any email if absent. */
  readonly ids?: readonly string[] | undefined
}

async function claim(deps: Deps, { atMost, retriesAtMost, ids }: ClaimOptions): Promise<ClaimedMail[]> {
  const parameters = [new Date(deps.now()).toISOString(), LEASE_SECONDS, ids ?? null, atMost, retriesAtMost]
  return (await deps.sql.query(CLAIM, parameters)) as ClaimedMail[]
}

/** @param onPause gets the number of seconds that the provider asks to pause, before a slow database can delay it */
async function attempt(deps: Deps, claimed: ClaimedMail, onPause?: (seconds: number) => void): Promise<Outcome> {
  const { id, recipient, attempts: _, ...mail } = claimed
  let pauseSeconds: number | undefined
  try {
    pauseSeconds = await handOver(deps.config, { to: recipient, ...mail }, id)
  } catch (error) {
    await noteFailed(deps, claimed, error)
    return 'failed'
  }
  if (pauseSeconds !== undefined) {
    onPause?.(pauseSeconds)
    await putOff(deps, claimed, pauseSeconds)
    return 'put_off'
  }
  const sentAt = new Date(deps.now()).toISOString()
  await deps.sql.query(
    'update mail_outbox set sent_at = $2, next_attempt_at = null, text = null, html = null, error = null where id = $1',
    [id, sentAt],
  )
  return 'sent'
}

/**
 * Schedules a retry after the backoff. An email that is given up is emptied as if it had been sent. An attempt that was
 * overtaken changes nothing.
 */
async function noteFailed(deps: Deps, { id, attempts }: ClaimedMail, error: unknown): Promise<void> {
  const seconds = BACK_OFF_SECONDS[attempts - 1]
  const isLast = seconds === undefined
  log(isLast ? 'error' : 'warn', isLast ? 'mail_given_up' : 'mail_not_sent', {
    mail_id: id,
    attempts,
    ...errorFields(error),
  })
  const rest = isLast ? ', text = null, html = null' : ''
  const due = isLast ? null : new Date(deps.now() + seconds * (1 + Math.random() / 5) * 1000).toISOString()
  await deps.sql.query(
    `update mail_outbox set error = $3, next_attempt_at = $4${rest} where id = $1 and attempts = $2 and sent_at is null`,
    [id, attempts, errorFields(error).message ?? 'failed', due],
  )
}

/** The provider did not read the email, so the attempt does not count: a rate limit must not give an email up. */
async function putOff(deps: Deps, { id, attempts }: ClaimedMail, seconds: number): Promise<void> {
  log('warn', 'mail_put_off', { mail_id: id, seconds })
  const due = new Date(deps.now() + seconds * 1000).toISOString()
  const postponed = deps.sql.query(
    `update mail_outbox set attempts = attempts - 1, next_attempt_at = $3, error = 'The email provider limits the rate.'
     where id = $1 and attempts = $2 and sent_at is null`,
    [id, attempts, due],
  )
  await Promise.all([postponed, keepPause(deps, seconds)])
}
