import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { deliverDueMail, mailFor } from '../../../src/mail/outbox.ts'
import { newIsolate } from '../../support/isolate.ts'
import { mailsTo } from '../../support/mail.ts'
import { managementDeps } from '../../support/management.ts'
import { idsOf } from '../../support/outbox.ts'
import { bodyOf, urlOf } from '../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

test('a pause that the email provider requests also holds in other isolates, for emails not yet deferred', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const provider = { MAIL_API_URL: `${env.STACK_URL}/mail/emails?of=${crypto.randomUUID()}` }
  const [one, other] = [await newIsolate(provider), await newIsolate(provider)]
  const [first, second] = [1, 2].map(() => `pause-${crypto.randomUUID()}@example.com`) as [string, string]
  const real = globalThis.fetch
  let handedOver = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (!urlOf(input).startsWith(provider.MAIL_API_URL)) return real(input, init)
    if (++handedOver > 1) return real(input, init)
    expect(bodyOf(init)).toContain(first)
    return new Response(null, { status: 429, headers: { 'Retry-After': '600' } })
  })
  const mail = mailFor(managementDeps(one.deps()), { to: first, subject: 'A', text: 'a', html: '' })
  await mail.insert
  mail.send()
  await one.settled()

  const later = mailFor(managementDeps(other.deps()), { to: second, subject: 'B', text: 'b', html: '' })
  await later.insert
  later.send()
  await other.settled()
  expect(await deliverDueMail(other.deps(), await idsOf(second))).toEqual({ sent: 0, failed: 0, put_off: 0 })
  expect(handedOver).toBe(1)

  other.advance(601_000)
  later.send()
  await other.settled()
  expect(await mailsTo(second)).toHaveLength(1)
})
