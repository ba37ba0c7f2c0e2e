import { env } from 'cloudflare:workers'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { sleep } from '../../../src/lib/sleep.ts'
import { deliverDueMail, insertMails, mailFor } from '../../../src/mail/outbox.ts'
import { directly } from '../../support/direct.ts'
import { newIsolate } from '../../support/isolate.ts'
import { managementDeps } from '../../support/management.ts'
import { idsOf, rowOf } from '../../support/outbox.ts'
import { bodyOf, urlOf } from '../../support/shop.ts'

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

/** A provider used only by this test: its pauses stop no other test's mails. */
const ownProvider = () => ({ MAIL_API_URL: `${env.STACK_URL}/mail/emails?of=${crypto.randomUUID()}` })

/** Seconds until a mail is tried again, from the isolate's present. */
const dueIn = async (email: string, now: number) =>
  Math.round((new Date((await rowOf(email)).next_attempt_at).getTime() - now) / 1000)

describe('a provider that limits its rate', () => {
  /** Answers sends to an address with 429, once per value of `Retry-After`, and counts. */
  function limited(email: string, retryAfter: string[]) {
    const real = globalThis.fetch
    const seen = { atOnce: 0, most: 0, limitedAt: 0, inPause: 0 }
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (bodyOf(init).includes('limits the rate')) await sleep(1_000) // the database is slow when the pause is stored
      if (!urlOf(input).includes('/mail/emails')) return real(input, init)
      const wait = bodyOf(init).includes(email) ? retryAfter.shift() : undefined
      if (wait !== undefined) {
        seen.limitedAt = Date.now()
        return new Response(null, { status: 429, headers: { 'Retry-After': wait } })
      }
      if (Date.now() < seen.limitedAt + 1_000) seen.inPause += 1
      seen.most = Math.max(seen.most, ++seen.atOnce)
      return real(input, init).finally(() => {
        seen.atOnce -= 1
      })
    })
    return seen
  }

  test.each([
    ['7', 7],
    ['0', 1],
    ['86400', 3_600],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 1],
    ['soon', 30],
  ])(
    'and says "Retry-After: %s" gets the mail again after %d s; the attempt does not count',
    async (header, seconds) => {
      vi.spyOn(console, 'warn').mockImplementation(() => undefined)
      const { isolate, email, mail } = await waiting(ownProvider())
      limited(email, [header])
      const before = isolate.now()
      mail.send()
      await isolate.settled()
      expect(await rowOf(email)).toMatchObject({ attempts: 0, text: 'A text', sent_at: null })
      const due = await dueIn(email, before)
      expect(due).toBeGreaterThanOrEqual(seconds)
      expect(due).toBeLessThan(seconds + 20)
    },
  )

  test('makes the job wait with all emails if it asks for a moment, and gets at most two at once', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, runJob } = await waiting(ownProvider())
    const others = Array.from({ length: 5 }, () => newAddress())
    const { db, ...deps } = managementDeps(isolate.deps())
    await db.execute(insertMails(deps.now(), others.map(mailOf), sql`true`))
    const seen = limited(email, ['1'])
    await runJob(...others)
    for (const one of [email, ...others])
      expect(await rowOf(one)).toMatchObject({ attempts: 1, sent_at: expect.anything() })
    expect(seen.most).toBeLessThanOrEqual(2)
    expect(seen.inPause).toBeLessThanOrEqual(1) // claimed together with it
  })

  test('and asks for a long pause gets nothing more from that run', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { isolate, email, runJob } = await waiting(ownProvider())
    await directly().sql.query('update mail_outbox set next_attempt_at = $2 where recipient = $1', [
      email,
      new Date(isolate.now()).toISOString(),
    ])
    limited(email, ['600', '600'])
    expect(await runJob()).toEqual({ sent: 0, failed: 0, put_off: 1 })
    expect(await dueIn(email, isolate.now())).toBeGreaterThan(590)
  })
})
