import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { deliverDueMail, insertMails, mailFor } from '../../../src/mail/outbox.ts'
import { directly } from '../../support/direct.ts'
import { failMail } from '../../support/faults.ts'
import { eventually } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { mailsTo, mailTo } from '../../support/mail.ts'
import { managementDeps } from '../../support/management.ts'
import { idsOf, rowOf } from '../../support/outbox.ts'
import { bodyOf, urlOf } from '../../support/shop.ts'
import { stopClock } from '../../support/stop-clock.ts'

vi.setConfig({ testTimeout: 60_000 })
afterEach(() => vi.restoreAllMocks())
const newAddress = () => `outbox-${crypto.randomUUID()}@example.com`
const mailOf = (to: string) => ({ to, subject: 'A subject', text: 'A text', html: '<p>A text</p>' })

/** An isolate with a clock of its own, and a mail that waits in its outbox. */
async function waiting(variables: Record<string, string> = {}) {
  const isolate = await newIsolate(variables)
  const email = newAddress()
  const mail = mailFor(managementDeps(isolate.deps()), mailOf(email))
  await mail.insert
  /** The job of every minute, limited to this mail and others of this test. */
  const runJob = async (...others: string[]) => deliverDueMail(isolate.deps(), await idsOf(email, ...others))
  return { isolate, email, mail, runJob }
}

/** Seconds until a mail is tried again, from the isolate's present. */
const dueIn = async (email: string, now: number) =>
  Math.round((new Date((await rowOf(email)).next_attempt_at).getTime() - now) / 1000)

describe('an email', () => {
  test('is sent after the request is answered; then its text is erased, since a link in it may still be valid', async () => {
    const { isolate, email, mail } = await waiting()
    expect(await mailsTo(email)).toEqual([])
    mail.send()
    await isolate.settled()
    expect(await mailTo(email, /^A subject$/)).toMatchObject({ text: 'A text', html: '<p>A text</p>', headers: {} })
    expect(await rowOf(email)).toMatchObject({
      text: null,
      html: null,
      attempts: 1,
      error: null,
      next_attempt_at: null,
      sent_at: expect.anything(),
    })
  })

  test('F53 survives an isolate that dies before it sends: the job finds it', async () => {
    const { email, runJob } = await waiting()
    await runJob()
    await mailTo(email, /^A subject$/)
  })

  test('is sent once by two concurrent runs of the job', async () => {
    const { email, runJob } = await waiting()
    await Promise.all([runJob(), runJob()])
    await mailTo(email, /^A subject$/)
    expect(await rowOf(email)).toMatchObject({ attempts: 1 })
    expect(await mailsTo(email)).toHaveLength(1)
  })

  test('can be sent through a custom relay as plain JSON', async () => {
    const { isolate, email, mail } = await waiting({ MAIL_PROVIDER: 'http' })
    mail.send()
    await isolate.settled()
    expect(await mailTo(email, /^A subject$/)).toMatchObject({ to: email, from: 'Tollgate <no-reply@tollgate.test>' })
  })

  test('waits, with the reason, if no provider is configured', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, mail } = await waiting({ MAIL_PROVIDER: 'none' })
    mail.send()
    await isolate.settled()
    expect(await rowOf(email)).toMatchObject({
      attempts: 1,
      text: 'A text',
      error: expect.stringContaining('MAIL_PROVIDER'),
    })
  })
})

describe('F52 an email that the provider does not accept', () => {
  test.each([
    ['an error', { kind: 'status', value: 500 }, 'The mail provider answered 500.'],
    ['a refusal', { kind: 'status', value: 403 }, 'The mail provider answered 403.'],
    ['a dropped connection', { kind: 'reset_before' }, /./],
  ])('by %s is retried 30 to 36 seconds later, not earlier', async (_, fault, error) => {
    const logged = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, mail, runJob } = await waiting()
    stopClock()
    await failMail(email, { ...fault, count: 1 })
    mail.send()
    await isolate.settled()
    expect(await rowOf(email)).toMatchObject({ attempts: 1, text: 'A text', error: expect.stringMatching(error) })
    expect(logged.mock.calls.flat().join()).not.toMatch(/A text|A subject|outbox-/)

    isolate.advance(29_999)
    await runJob()
    expect(await mailsTo(email)).toEqual([])
    isolate.advance(7_000)
    await runJob()
    await mailTo(email, /^A subject$/)
    expect(await rowOf(email)).toMatchObject({ attempts: 2, text: null, error: null, next_attempt_at: null })
  })

  test('is tried eight times, at growing intervals with jitter, then given up: logged as an error, its links erased', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { isolate, email, runJob } = await waiting()
    stopClock()
    await failMail(email, { kind: 'status', value: 500, count: 8 })
    const distances = []
    for (let attempt = 1; attempt <= 7; attempt++) {
      await runJob()
      const seconds = await dueIn(email, isolate.now())
      distances.push(seconds)
      isolate.advance((seconds + 1) * 1000)
    }
    for (const [at, least] of [30, 120, 600, 1_800, 7_200, 21_600, 86_400].entries()) {
      expect(distances[at]).toBeGreaterThanOrEqual(least)
      expect(distances[at]).toBeLessThanOrEqual(least * 1.2)
    }
    expect(distances.slice(2)).not.toEqual([600, 1_800, 7_200, 21_600, 86_400])
    expect(await rowOf(email)).toMatchObject({ attempts: 7, text: 'A text' })
    await runJob()
    const given_up = { attempts: 8, next_attempt_at: null, sent_at: null, text: null, html: null }
    expect(await rowOf(email)).toMatchObject(given_up)
    const { id } = await rowOf(email)
    const given = errors.mock.calls.map(([line]) => JSON.parse(String(line))).find(({ mail_id }) => mail_id === id)
    expect(given).toMatchObject({ event: 'mail_given_up', attempts: 8 })
    isolate.advance(30 * 86_400_000)
    await runJob()
    expect(await mailsTo(email)).toEqual([])
  })

  test('F54 or accepted, but whose response was lost, arrives once', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, mail, runJob } = await waiting()
    await failMail(email, { kind: 'reset_after', count: 1 })
    mail.send()
    await isolate.settled()
    await mailTo(email, /^A subject$/)
    expect(await rowOf(email)).toMatchObject({ attempts: 1, sent_at: null })
    isolate.advance(37_000)
    await runJob()
    await eventually(
      () => rowOf(email),
      ({ sent_at }) => sent_at !== null,
    )
    expect(await mailsTo(email)).toHaveLength(1)
  })
})

/** Calls back before a mail to an address is sent. Its result, if any, answers all later requests. */
function atHandOver(email: string, look: () => Promise<void> | Error | undefined) {
  const real = globalThis.fetch
  let end: Error | undefined
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (end) throw end
    if (urlOf(input).endsWith('/mail/emails') && bodyOf(init).includes(email)) end = (await look()) ?? undefined
    return real(input, init)
  })
}

describe('a run of the job', () => {
  test('delays no email because of a slow one', async () => {
    const { isolate, email, runJob } = await waiting()
    const others = Array.from({ length: 7 }, newAddress)
    const { db, ...deps } = managementDeps(isolate.deps())
    await db.execute(insertMails(deps.now(), others.map(mailOf), sql`true`))
    const sent = async () => (await Promise.all(others.map(rowOf))).filter(({ sent_at }) => sent_at !== null)
    const meanwhile: unknown[] = []
    atHandOver(email, async () => {
      meanwhile.push(...(await eventually(sent, (rows) => rows.length === others.length)))
    })
    await runJob(...others)
    expect(meanwhile).toHaveLength(7)
    expect(await rowOf(email)).toMatchObject({ sent_at: expect.anything() })
  })

  test('that dies leaves its email due half a minute later, however often that was tried before', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, mail } = await waiting()
    await directly().sql.query('update mail_outbox set attempts = 6 where recipient = $1', [email])
    atHandOver(email, () => new TypeError('This isolate is dead.'))
    mail.send()
    await isolate.settled()
    vi.restoreAllMocks()
    expect(await rowOf(email)).toMatchObject({ attempts: 7, sent_at: null, text: 'A text' })
    const due = await dueIn(email, isolate.now())
    expect(due).toBeGreaterThan(15)
    expect(due).toBeLessThanOrEqual(30)
    const next = await newIsolate()
    next.advance(31_000)
    await deliverDueMail(next.deps(), await idsOf(email))
    expect(await rowOf(email)).toMatchObject({ sent_at: expect.anything() })
    expect(await mailsTo(email)).toHaveLength(1)
  })

  test('begins nothing that could exceed its time limit; that stays due', async () => {
    const { isolate, email, runJob } = await waiting()
    const others = Array.from({ length: 4 }, newAddress)
    const { db, ...deps } = managementDeps(isolate.deps())
    await db.execute(insertMails(deps.now(), others.map(mailOf), sql`true`))
    await directly().sql.query('update mail_outbox set next_attempt_at = $2 where recipient = $1', [
      email,
      new Date(isolate.now() - 1_000).toISOString(),
    ])
    atHandOver(email, () => {
      isolate.advance(40_500)
      return undefined
    })
    expect(await runJob(...others)).toEqual({ sent: 2, failed: 0, put_off: 0 }) // what was claimed in time
    const rows = await Promise.all(others.map(rowOf))
    expect(rows.filter(({ attempts }) => attempts === 0)).toHaveLength(3)
  })

  test('gives retries only one place: new emails do not wait for those that were slow before', async () => {
    const { isolate, email, runJob } = await waiting()
    const [slow, fresh] = [
      [email, email.replace('@', '+b@'), email.replace('@', '+c@')],
      [newAddress(), newAddress()],
    ]
    const { db, ...deps } = managementDeps(isolate.deps())
    await db.execute(insertMails(deps.now(), [...slow.slice(1), ...fresh].map(mailOf), sql`true`))
    await directly().sql.query(`update mail_outbox set attempts = 1, error = 'Slow.' where recipient = any($1)`, [slow])
    const sent = async () => (await Promise.all(fresh.map(rowOf))).filter(({ sent_at }) => sent_at !== null)
    const meanwhile: unknown[] = []
    atHandOver(email.replace(/@.*/, ''), async () => {
      meanwhile.push((await eventually(sent, (rows) => rows.length === 2)).length)
    })
    await runJob(...slow.slice(1), ...fresh)
    expect(meanwhile).toEqual([2, 2, 2])
    for (const one of slow) expect(await rowOf(one)).toMatchObject({ attempts: 2, sent_at: expect.anything() })
  })
})
