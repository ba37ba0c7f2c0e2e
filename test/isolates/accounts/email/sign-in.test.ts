import { describe, expect, test } from 'vitest'
import { base64url, sha256 } from '../../../../src/lib/bytes.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser, randomIp } from '../../../support/http.ts'
import { confirmAddress, mailsTo, mailTo } from '../../../support/mail.ts'
import { newTwoFactorUser } from '../../../support/two-factor.ts'
import { workerWith } from '../../../support/variant.ts'

const { sql } = directly()
const ascending = (one: number, other: number) => one - other
const SIGN_IN = '/api/v1/auth/sign-in'
const byCode = workerWith({ EMAIL_SIGN_IN: 'code' })
const byLink = workerWith({ EMAIL_SIGN_IN: 'link' })
const CODE_MAIL = /^\d{4} \d{4} signs you in to /
const newAddress = () => `somebody-${crypto.randomUUID()}@example.com`
const newVerifier = () => base64url(crypto.getRandomValues(new Uint8Array(32)))
const challengeOf = (verifier: string) => base64url(sha256(verifier))

/** Requests a code as a page does, and waits until all emails are sent. */
async function ask(email: string, { worker = byCode, verifier = newVerifier(), more = {} } = {}) {
  const body = { email, code_challenge: challengeOf(verifier), ...more }
  const answer = await worker.call(`POST ${SIGN_IN}/email`, body)
  await worker.settled()
  return { verifier, answer }
}

async function codeTo(email: string, count = 1): Promise<string> {
  return /^\d{4} \d{4}/.exec((await mailTo(email, CODE_MAIL, count)).subject)?.[0] ?? ''
}

const complete = (code: string, code_verifier: string, worker = byCode) =>
  worker.call(`POST ${SIGN_IN}/complete`, { code, code_verifier })

async function confirmedUser() {
  const user = await newUser()
  await confirmAddress(user.email)
  return user
}

/** Another code than the right one. */
const wrong = (code: string) => (code.startsWith('0') ? '1' : '0') + code.slice(1)

describe('a code by email', () => {
  test('signs in once, however it is typed, even if it is used twice at once', async () => {
    const { email, user } = await confirmedUser()
    const { verifier, answer } = await ask(email)
    expect([answer.status, answer.body]).toEqual([202, { method: 'code', expires_in: 600 }])
    const code = (await codeTo(email)).replace(' ', ' - ')
    const answers = await Promise.all([complete(code, verifier), complete(code, verifier)])
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([200, 401])
    const { body } = answers.find(({ status }) => status === 200) ?? { body: {} }
    expect((await call('GET /api/v1/auth/me', { token: body.access_token })).body.id).toBe(user.id)
  })

  test('creates an account the first time, with a confirmed address and no password', async () => {
    const email = newAddress()
    const { verifier } = await ask(email)
    const { status, body } = await complete(await codeTo(email), verifier)
    expect(status).toBe(200)
    const me = await call('GET /api/v1/auth/me', { token: body.access_token })
    expect(me.body).toMatchObject({ email, is_verified: true, has_password: false, role: 'owner' })
  })

  test('works only for the page that requested it (ASVS 6.6.2)', async () => {
    const { email } = await confirmedUser()
    const { verifier } = await ask(email)
    const code = await codeTo(email)
    expect((await complete(code, newVerifier())).body.code).toBe('invalid_sign_in')
    expect((await complete(code, verifier)).status).toBe(200)
  })

  test('is refused if wrong, and is useless after five wrong ones, even if the page asks again (ASVS 6.6.3)', async () => {
    const { email } = await confirmedUser()
    const { verifier } = await ask(email)
    const code = await codeTo(email)
    const tries = await Promise.all([1, 2, 3, 4, 5].map(() => complete(wrong(code), verifier)))
    expect(tries.map(({ body }) => body.code)).toEqual(Array(5).fill('invalid_code'))
    expect((await complete(code, verifier)).body.code).toBe('invalid_sign_in')
    await ask(email, { verifier })
    expect((await complete(await codeTo(email, 2), verifier)).body.code).toBe('invalid_sign_in')
  })

  test('is replaced by a newer one for the same page', async () => {
    const { email } = await confirmedUser()
    const { verifier } = await ask(email)
    const first = await codeTo(email)
    await ask(email, { verifier })
    const second = await codeTo(email, 2)
    if (first !== second) expect((await complete(first, verifier)).body.code).toBe('invalid_code')
    expect((await complete(second, verifier)).status).toBe(200)
  })

  test('expires after ten minutes (ASVS 6.5.5)', async () => {
    const { email } = await confirmedUser()
    const { verifier } = await ask(email)
    const code = await codeTo(email)
    await sql.query('update email_sign_ins set expires_at = now() where code_challenge = $1', [challengeOf(verifier)])
    expect((await complete(code, verifier)).body.code).toBe('invalid_sign_in')
  })

  test('still requires a second factor', async () => {
    const user = await newTwoFactorUser()
    await confirmAddress(user.email)
    const { verifier } = await ask(user.email)
    const { body } = await complete(await codeTo(user.email), verifier)
    expect(body).toMatchObject({ two_factor_required: true, methods: ['app', 'backup_code'] })
    const proof = { challenge_token: body.challenge_token, code: user.backupCodes[0] }
    expect((await call('POST /api/v1/auth/2fa/verify', { body: proof })).status).toBe(200)
  })

  test('is useless from its hash or its mail without the page: the hash includes the challenge', async () => {
    const { email } = await confirmedUser()
    const { verifier } = await ask(email)
    const code = (await codeTo(email)).replace(' ', '')
    const [row] = await sql.query(
      'select code_hash = sha256($2::bytea) as plain from email_sign_ins where code_challenge = $1',
      [challengeOf(verifier), code],
    )
    expect(row?.plain).toBe(false)
  })
})

describe('who gets no code', () => {
  test('gives an unconfirmed address the link that confirms it', async () => {
    const { email } = await newUser()
    const { answer } = await ask(email)
    expect(answer.status).toBe(202)
    const { text } = await mailTo(email, /^Confirm your email address before you sign in/)
    expect(text).toContain('If you did not, someone else created it')
    expect((await mailsTo(email)).filter(({ subject }) => CODE_MAIL.test(subject))).toEqual([])
  })

  test('sends nothing to a disabled account or to anybody who may not register, with the same response', async () => {
    const disabled = await confirmedUser()
    await sql.query('update users set is_active = false where id = $1', [disabled.user.id])
    const invited = workerWith({ EMAIL_SIGN_IN: 'code', REGISTRATION: 'invitation' })
    const domains = workerWith({ EMAIL_SIGN_IN: 'code', REGISTRATION: 'domains', REGISTRATION_DOMAINS: 'acme.test' })
    const [one, two, three] = [disabled.email, newAddress(), newAddress()]
    const answers = [await ask(one), await ask(two, { worker: invited }), await ask(three, { worker: domains })]
    expect(answers.map(({ answer }) => answer.body)).toEqual([1, 2, 3].map(() => ({ method: 'code', expires_in: 600 })))
    const sent = await Promise.all([one, two, three].map(mailsTo))
    expect(sent.flat().filter(({ subject }) => CODE_MAIL.test(subject))).toEqual([])
  })

  test('does not sign in to an account that a stranger registers meanwhile', async () => {
    const email = newAddress()
    const { verifier } = await ask(email)
    const code = await codeTo(email)
    const registered = { email, password: 'a password of a stranger' }
    expect((await call('POST /api/v1/auth/register', { body: registered })).status).toBe(201)
    expect((await complete(code, verifier)).body.code).toBe('invalid_sign_in')
  })

  test('is throttled if requested too often', async () => {
    const email = newAddress()
    const ip = randomIp()
    const body = { email, code_challenge: challengeOf(newVerifier()) }
    const answers = await Promise.all(Array.from({ length: 6 }, () => byCode.call(`POST ${SIGN_IN}/email`, body, ip)))
    await byCode.settled()
    expect(answers.map(({ status }) => status).toSorted(ascending)).toEqual([202, 202, 202, 202, 202, 429])
  })
})

describe('a link by email', () => {
  test('leads to the page with a code, which signs in where it was requested', async () => {
    const { email } = await confirmedUser()
    const more = { return_to: 'https://tollgate.test/dashboard/sign-in?next=%2Fkeys' }
    const { verifier, answer } = await ask(email, { worker: byLink, more })
    expect(answer.body.method).toBe('link')
    const url = new URL((await mailTo(email, /^Sign in to /)).links[0] ?? '')
    expect([url.origin + url.pathname, url.searchParams.get('next')]).toEqual([
      'https://tollgate.test/dashboard/sign-in',
      '/keys',
    ])
    const code = url.searchParams.get('sign_in_code') ?? ''
    expect((await complete(code, newVerifier(), byLink)).body.code).toBe('invalid_sign_in')
    expect((await complete(code, verifier, byLink)).status).toBe(200)
  })

  test('leads nowhere else', async () => {
    const { answer } = await ask(newAddress(), { worker: byLink, more: { return_to: 'https://evil.test/' } })
    expect([answer.status, answer.body.errors[0].path]).toEqual([400, 'body.return_to'])
  })
})

describe('where it is off', () => {
  test.each([
    ['by its setting', { EMAIL_SIGN_IN: 'off' }],
    ['since no email is sent', { EMAIL_SIGN_IN: 'code', MAIL_PROVIDER: 'none' }],
  ])('nobody gets one (%s)', async (_, settings) => {
    const worker = workerWith(settings)
    const { answer } = await ask(newAddress(), { worker })
    expect([answer.status, answer.body.code]).toEqual([403, 'email_sign_in_off'])
    expect((await worker.call(`GET ${SIGN_IN}/methods`)).body.email).toBe('off')
  })

  test.each(['off', 'code', 'link'])('pages learn the mode: %s', async (EMAIL_SIGN_IN) => {
    expect((await workerWith({ EMAIL_SIGN_IN }).call(`GET ${SIGN_IN}/methods`)).body.email).toBe(EMAIL_SIGN_IN)
  })

  test('it is not a way to sign in; where it is on, a person with a confirmed address may unlink the rest', async () => {
    const { token, email, user } = await newUser()
    await sql.query(
      `insert into identities (id, user_id, provider, issuer, subject) values (gen_random_uuid(), $1, 'local', 'https://x.test', $2)`,
      [user.id, email],
    )
    await sql.query('update users set password_hash = null, email_verified_at = now() where id = $1', [user.id])
    const [identity] = (await call('GET /api/v1/auth/identities', { token })).body.data
    const unlink = (worker: typeof byCode) =>
      worker.call(`DELETE /api/v1/auth/identities/${identity.id}`, undefined, randomIp(), {
        Authorization: `Bearer ${token}`,
      })
    expect((await unlink(workerWith({ EMAIL_SIGN_IN: 'off' }))).body.code).toBe('last_way_in')
    expect((await unlink(byCode)).status).toBe(204)
  })
})
