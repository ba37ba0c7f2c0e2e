import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { addressInUseMail, tokenMail, welcomeMail } from '../../../src/accounts/email/mail.ts'
import { notice } from '../../../src/mail/notice.ts'
import { deliverDueMail, mailFor } from '../../../src/mail/outbox.ts'
import { invitationMail } from '../../../src/organizations/invitations/mail.ts'
import { directly } from '../../support/direct.ts'
import { newIsolate } from '../../support/isolate.ts'
import { managementDeps } from '../../support/management.ts'
import { idsOf, rowOf } from '../../support/outbox.ts'
import { bodyOf, urlOf } from '../../support/shop.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())
const newAddress = (kind: string) => `${kind}-${crypto.randomUUID()}@example.com`
const mailOf = (to: string) => ({ to, subject: 'A subject', text: 'A text', html: '<p>A text</p>' })

/** A provider used only by this test: its pauses do not delay the emails of other tests. */
const ownProvider = () => ({ MAIL_API_URL: `${env.STACK_URL}/mail/emails?of=${crypto.randomUUID()}` })

/**
 * Delivers due emails, of which those that are not urgent have waited longer.
 *
 * @param attempts how often the others were attempted before
 * @returns the kinds of the emails, in the order in which they were sent
 */
async function waiting({ others, urgent, attempts }: { others: number; urgent: number; attempts: number }) {
  const provider = ownProvider()
  const isolate = await newIsolate(provider)
  const addresses = [
    ...Array.from({ length: others }, () => newAddress('notice')),
    ...Array.from({ length: urgent }, () => newAddress('code')),
  ]
  const ids = []
  for (const to of addresses) {
    await mailFor(managementDeps(isolate.deps()), mailOf(to), { urgent: to.startsWith('code') }).insert
    ids.push(...(await idsOf(to)))
  }
  await directly().sql.query(
    `update mail_outbox set attempts = case when urgent then 0 else $2 end, next_attempt_at = next_attempt_at - case when urgent then interval '0' else interval '1 hour' end
     where id = any($1)`,
    [ids, attempts],
  )
  const real = globalThis.fetch
  const order: string[] = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (urlOf(input).startsWith(provider.MAIL_API_URL)) order.push(/(notice|code)-/.exec(bodyOf(init))?.[1] ?? '')
    return real(input, init)
  })
  isolate.advance(1_000) // now the codes are due as well
  await deliverDueMail(isolate.deps(), ids)
  return order
}

describe('an urgent email', () => {
  test('is sent before other emails that have been due for longer', async () => {
    const order = await waiting({ others: 6, urgent: 1, attempts: 0 })
    expect(order).toHaveLength(7)
    expect(order.indexOf('code')).toBeLessThan(2) // two are sent at once
  })

  test('is sent before retries of other emails', async () => {
    const order = await waiting({ others: 3, urgent: 4, attempts: 1 })
    expect(order).toEqual(['code', 'code', 'code', 'code', 'notice', 'notice', 'notice'])
  })

  test.each([
    [true, 0],
    [false, 1],
  ])('waits after its request until a short pause ends, others do not: urgent %j', async (urgent, putOff) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const provider = ownProvider()
    const isolate = await newIsolate(provider)
    const real = globalThis.fetch
    let asked = 0
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (!urlOf(input).startsWith(provider.MAIL_API_URL) || ++asked > 1) return real(input, init)
      return new Response(null, { status: 429, headers: { 'Retry-After': '1' } })
    })
    const email = newAddress('code')
    const mail = mailFor(managementDeps(isolate.deps()), mailOf(email), { urgent })
    await mail.insert
    mail.send()
    await isolate.settled()
    expect((await rowOf(email)).sent_at === null ? 1 : 0).toBe(putOff)
  })

  test('is one that somebody waits for: a code, a link or an invitation, but not a notice', async () => {
    const deps = managementDeps((await newIsolate()).deps())
    const [reset, verify, welcome, invitation] = [newAddress('a'), newAddress('b'), newAddress('c'), newAddress('d')]
    const [changed, inUse] = [newAddress('e'), newAddress('f')]
    const userId = crypto.randomUUID()
    await tokenMail(deps, { userId, email: reset }, 'reset').insert
    await tokenMail(deps, { userId, email: verify }, 'verify').insert
    await welcomeMail(deps, { userId, email: welcome }).insert
    await invitationMail(deps, { email: invitation, role: 'member', organization: 'One', inviter: null }).insert
    await notice(deps, { email: changed, name: null }, 'password_changed').insert
    await addressInUseMail(deps, inUse).insert
    const code = newAddress('code')
    const { call, settled } = workerWith({ EMAIL_SIGN_IN: 'code' })
    const code_challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    await call('POST /api/v1/auth/sign-in/email', { email: code, code_challenge })
    await settled()
    const rows = await directly().sql.query('select recipient, urgent from mail_outbox where recipient = any($1)', [
      [reset, verify, welcome, invitation, changed, inUse, code],
    ])
    expect(Object.fromEntries(rows.map(({ recipient, urgent }) => [recipient, urgent]))).toEqual({
      [reset]: true,
      [verify]: true,
      [welcome]: true,
      [invitation]: true,
      [code]: true,
      [changed]: false,
      [inUse]: false,
    })
  })
})
