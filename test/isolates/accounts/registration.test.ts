import { describe, expect, test } from 'vitest'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { call, newUser } from '../../support/http.ts'
import { mailTo, tokenIn } from '../../support/mail.ts'
import { ORGANIZATIONS } from '../../support/organizations.ts'
import { workerWith } from '../../support/variant.ts'

const password = 'correct horse battery'
const { sql } = directly()
const newEmail = (domain: string) => `reg-${crypto.randomUUID()}@${domain}`
const accountsOf = async (email: string) => (await sql.query('select id from users where email = $1', [email])).length

function deployment(variables: Record<string, string>) {
  const worker = workerWith(variables)
  return {
    register: (email: string) => worker.call('POST /api/v1/auth/register', { email, password }),
    accept: (token: string) => worker.call(`POST ${ORGANIZATIONS}/invitations/accept`, { token, password }),
    worker,
  }
}

/** The token of an invitation that somebody of an open organization sent. */
async function invitationTo(email: string): Promise<string> {
  const { user, token } = await newUser()
  const path = `${ORGANIZATIONS}/${user.organization_id}/invitations`
  await call(`POST ${path}`, { token, body: { email, role: 'member' } })
  return tokenIn(await mailTo(email, /^You are invited/))
}

describe('REGISTRATION=invitation', () => {
  const { register, accept } = deployment({ REGISTRATION: 'invitation' })

  test('nobody registers by themselves, and the refusal reveals neither accounts nor invitations', async () => {
    const [stranger, invited] = [newEmail('example.com'), newEmail('example.com')]
    const member = await newUser()
    await invitationTo(invited)
    const answers = await Promise.all([stranger, invited, member.email].map(register))
    for (const { status, body } of answers) {
      expect([status, body.code]).toEqual([403, 'registration_closed'])
      expect(withoutRequestId(body)).toEqual(withoutRequestId(answers[0]?.body))
    }
    expect(await accountsOf(stranger)).toBe(0)
  })

  test('the holder of an invitation creates the account of its address with it', async () => {
    const email = newEmail('example.com')
    const answer = await accept(await invitationTo(email))
    expect(answer).toMatchObject({ status: 200, body: { is_new_account: true } })
    expect(await accountsOf(email)).toBe(1)
    expect((await accept('no invitation')).body.code).toBe('invalid_token')
  })
})

describe('REGISTRATION=domains', () => {
  const { register, accept } = deployment({ REGISTRATION: 'domains', REGISTRATION_DOMAINS: 'acme.dev, mail.acme.org' })

  test('addresses of these domains register in any case; their subdomains and look-alikes do not', async () => {
    for (const domain of ['acme.dev', 'ACME.dev', 'mail.acme.org'])
      expect((await register(newEmail(domain))).status, domain).toBe(201)
    for (const domain of ['example.com', 'a.acme.dev', 'acme.org', 'acme.dev.example.com', 'notacme.dev']) {
      const email = newEmail(domain)
      const { status, body } = await register(email)
      expect([status, body.code], domain).toEqual([403, 'registration_domain_not_allowed'])
      expect(await accountsOf(email)).toBe(0)
    }
  })

  test('an account at another domain is refused like an unknown one, and can still sign in', async () => {
    const member = await newUser()
    const [theirs, nobodys] = [await register(member.email), await register(newEmail('example.com'))]
    expect(withoutRequestId(theirs.body)).toEqual(withoutRequestId(nobodys.body))
    const { worker } = deployment({ REGISTRATION: 'domains', REGISTRATION_DOMAINS: 'acme.dev' })
    const { email } = member
    expect((await worker.call('POST /api/v1/auth/login', { email, password: member.password })).status).toBe(200)
  })

  test('an invitation allows no other domain, but people who have an account accept theirs', async () => {
    const [inside, outside] = [newEmail('acme.dev'), newEmail('example.com')]
    expect(await accept(await invitationTo(inside))).toMatchObject({ status: 200, body: { is_new_account: true } })
    expect(await accept(await invitationTo(outside))).toMatchObject({
      status: 403,
      body: { code: 'registration_domain_not_allowed' },
    })
    expect(await accountsOf(outside)).toBe(0)
    const member = await newUser()
    expect(await accept(await invitationTo(member.email))).toMatchObject({
      status: 200,
      body: { is_new_account: false },
    })
  })
})

test('without its domains nobody registers, and the response names the setting, while keys are verified', async () => {
  const { register, worker } = deployment({ REGISTRATION: 'domains' })
  expect(await register(newEmail('acme.dev'))).toMatchObject({
    status: 503,
    body: { code: 'misconfigured', detail: expect.stringContaining('REGISTRATION_DOMAINS') },
  })
  expect((await worker.call('POST /api/v1/keys/verify', { key: 'nonsense' })).status).toBe(401)
})
