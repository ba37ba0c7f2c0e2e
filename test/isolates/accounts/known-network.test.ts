import { describe, expect, test } from 'vitest'
import { enforceRateLimits, type Policy } from '../../../src/limits/endpoint-limits.ts'
import { directly } from '../../support/direct.ts'
import { call, newUser, randomIp } from '../../support/http.ts'
import { confirmAddress } from '../../support/mail.ts'
import { workerWith } from '../../support/variant.ts'

const worker = workerWith({ EMAIL_SIGN_IN: 'code', EMAIL_VERIFICATION: 'required' })
const page = { code_challenge: 'a'.repeat(43) }

/** A stranger sends requests from many networks until nobody may. */
const useUp = (policy: Policy, account: string, times: number) =>
  Promise.allSettled(Array.from({ length: times }, () => enforceRateLimits(directly(), { [policy]: { account } })))

describe('requests for an address from many networks do not lock its owner out of known networks (ASVS 6.1.1)', () => {
  test.each([
    ['sign-in/email', 'email_sign_in_account', page, 202],
    ['password/reset', 'password_reset_account', {}, 202],
    ['email/resend', 'email_resend_account', {}, 202],
    ['register', 'register_account', { password: 'correct horse battery' }, 201],
  ] as const)('POST /auth/%s', async (path, policy, more, status) => {
    const { email, password } = await newUser()
    await confirmAddress(email)
    const [home, elsewhere] = [randomIp(), randomIp()]
    expect((await worker.call('POST /api/v1/auth/login', { email, password }, home)).status).toBe(200)
    const ask = (ip: string) => worker.call(`POST /api/v1/auth/${path}`, { email, ...more }, ip)
    await useUp(policy, email, 10)
    const refused = await ask(elsewhere)
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited'])
    expect((await ask(home)).status).toBe(status)
    const stranger = `nobody-${crypto.randomUUID()}@example.com`
    await useUp(policy, stranger, 10)
    expect((await worker.call(`POST /api/v1/auth/${path}`, { email: stranger, ...more }, home)).status).toBe(429)
  })

  test('a known network still has its own limits', async () => {
    const { email, password } = await newUser()
    const home = randomIp()
    await worker.call('POST /api/v1/auth/login', { email, password }, home)
    const ask = () => worker.call('POST /api/v1/auth/password/reset', { email }, home)
    const statuses: number[] = []
    for (let times = 0; times < 6; times++) statuses.push((await ask()).status)
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429])
  })
})

describe('strangers who invite an address do not stop others from inviting it', () => {
  test('the organization that has verified its domain may still invite it, and another may not', async () => {
    const [owner, other] = [await newUser(), await newUser()]
    const domain = `${crypto.randomUUID()}.example.org`
    await directly().sql.query(
      `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at) values (gen_random_uuid(), $1, $2, 'x', now(), now())`,
      [owner.user.organization_id, domain],
    )
    const email = `ada@${domain}`
    await useUp('invitation_recipient', email, 20)
    const inviteBy = ({ token, user }: typeof owner) =>
      call(`POST /api/v1/organizations/${user.organization_id}/invitations`, { token, body: { email, role: 'viewer' } })
    expect((await inviteBy(other)).status).toBe(429)
    expect((await inviteBy(owner)).status).toBe(201)
  })
})
