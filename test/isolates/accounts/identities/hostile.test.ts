import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { call, randomIp } from '../../../support/http.ts'
import { signInAt } from '../../../support/identity-provider.ts'
import { begin, comeBack, complete, newPerson, RETURN_TO, signInWith, visit } from '../../../support/providers.ts'
import { workerWith } from '../../../support/variant.ts'

const { sql } = directly()

describe('what a provider sends back counts only if it is all true', () => {
  test.each([
    ['an ID token of another issuer', 'wrong_issuer'],
    ['an ID token for another client (ASVS 10.5.4)', 'wrong_audience'],
    ['an ID token of another sign-in, by its nonce (ASVS 10.5.1)', 'wrong_nonce'],
    ['an ID token without the nonce', 'no_nonce'],
    ['an ID token that has expired', 'expired'],
    ['an ID token signed with a key that is not published', 'other_key'],
    ['an ID token that is not signed', 'unsigned'],
    ['a response that names another issuer (RFC 9207, ASVS 10.2.2)', 'response_issuer'],
    ['a response without the issuer that was promised', 'no_response_issuer'],
  ])('%s', async (_, misbehave) => {
    const { error, proof } = await visit(newPerson({ misbehave }))
    expect([error, proof.code]).toEqual(['refused', ''])
  })

  test('an unknown state leads to this deployment, and not on to the application', async () => {
    const { answer } = await begin()
    const callback = await signInAt(answer.body.authorization_url, newPerson({ misbehave: 'wrong_state' }))
    const arrived = await comeBack(callback)
    expect([arrived.origin, arrived.searchParams.get('sign_in_error')]).toEqual(['https://tollgate.test', 'expired'])
  })

  test('an expired state is refused', async () => {
    const { answer } = await begin()
    const callback = await signInAt(answer.body.authorization_url, newPerson())
    const state = callback.searchParams.get('state')
    await sql.query('update sign_in_attempts set expires_at = now() where state_hash = sha256($1)', [state])
    expect((await comeBack(callback)).searchParams.get('sign_in_error')).toBe('expired')
  })

  test('the state of one sign-in with the code of another is refused (ASVS 10.2.1)', async () => {
    const [one, other] = [await begin(), await begin()]
    const mine = await signInAt(one.answer.body.authorization_url, newPerson())
    const theirs = await signInAt(other.answer.body.authorization_url, newPerson())
    mine.searchParams.set('code', theirs.searchParams.get('code') ?? '')
    expect((await comeBack(mine)).searchParams.get('sign_in_error')).toBe('refused')
  })

  test('HEAD, with which some mail and chat programs fetch links, consumes nothing', async () => {
    const { verifier, answer } = await begin()
    const callback = await signInAt(answer.body.authorization_url, newPerson())
    await call(`HEAD ${callback.pathname}${callback.search}`)
    const code = (await comeBack(callback)).searchParams.get('sign_in_code')
    expect((await complete({ code, code_verifier: verifier })).status).toBe(200)
  })
})

describe('a provider that is in trouble', () => {
  test.each(['local', 'github'] as const)(
    '%s that fails at the token endpoint gives an error code, not an error page',
    async (provider) => {
      const { error } = await visit(newPerson({ misbehave: 'token_error' }), provider)
      expect(error).toBe('unavailable')
    },
  )

  test.each([
    ['fails', { kind: 'status', value: 503 }, 'unavailable'],
    ['drops the connection', { kind: 'reset_before' }, 'unavailable'],
    ['does not answer in time', { kind: 'hang' }, 'unavailable'],
    ['answers half', { kind: 'truncate' }, 'refused'],
  ])('one that %s gives no code, and the sign-in can start again', async (_, fault, error) => {
    const worker = workerWith({ SIGN_IN_TIMEOUT_MS: '500' })
    const { answer } = await begin()
    const callback = await signInAt(answer.body.authorization_url, newPerson())
    await failFor(callback.searchParams.get('code') ?? '', { door: 'oidc', count: 1, ...fault })
    const { status, headers } = await worker.call(`GET ${callback.pathname}${callback.search}`)
    const arrived = new URL(headers.get('Location') ?? '')
    expect([status, arrived.searchParams.get('sign_in_error'), arrived.searchParams.get('next')]).toEqual([
      303,
      error,
      '/keys',
    ])
    expect((await signInWith(newPerson())).status).toBe(200)
  })

  test('one with unreadable metadata is a 503 before the browser leaves', async () => {
    const away = {
      kind: 'oidc',
      id: 'away',
      name: 'Away',
      issuer: `${env.STACK_URL}/nowhere`,
      client_id: 'a',
      client_secret: 'b',
    }
    const worker = workerWith({ SIGN_IN_PROVIDERS: JSON.stringify([away]) })
    const body = { provider: 'away', return_to: RETURN_TO, code_challenge: 'a'.repeat(43) }
    const answer = await worker.call('POST /api/v1/auth/sign-in', body)
    expect([answer.status, answer.body.code]).toEqual([503, 'identity_provider_unavailable'])
  })

  test('one that has a new key is trusted at once', async () => {
    expect((await signInWith(newPerson())).status).toBe(200)
    await fetch(`${env.STACK_URL}/oidc-keys/rotate`, { method: 'POST' })
    expect((await signInWith(newPerson())).status).toBe(200)
  })

  test('one that is removed from the settings signs nobody in', async () => {
    const worker = workerWith({ SIGN_IN_PROVIDERS: '[]' })
    const { answer } = await begin()
    const callback = await signInAt(answer.body.authorization_url, newPerson())
    const { headers } = await worker.call(`GET ${callback.pathname}${callback.search}`)
    expect(headers.get('Location')).toContain('sign_in_error=refused')
  })
})

test('a network that tries too often is throttled at every step', async () => {
  const ip = randomIp()
  const worker = workerWith({})
  const tries = Array.from({ length: 300 }, () => complete({ code: 'x', code_verifier: 'v'.repeat(43) }, ip))
  expect(new Set((await Promise.all(tries)).map(({ status }) => status))).toEqual(new Set([401]))
  const body = { provider: 'local', return_to: RETURN_TO, code_challenge: 'a'.repeat(43) }
  const answers = [
    await complete({ code: 'x', code_verifier: 'v'.repeat(43) }, ip),
    await worker.call('POST /api/v1/auth/sign-in', body, ip),
    await worker.call('GET /account/sign-in?state=x', undefined, ip),
  ]
  expect(answers.map(({ status }) => status)).toEqual([429, 429, 429])
})

describe('who may register', () => {
  test.each([
    ['registration_closed', { REGISTRATION: 'invitation' }],
    ['registration_domain_not_allowed', { REGISTRATION: 'domains', REGISTRATION_DOMAINS: 'acme.test' }],
  ])('is checked before an account is created: %s', async (code, variables) => {
    const { proof } = await visit(newPerson())
    const answer = await workerWith(variables).call('POST /api/v1/auth/sign-in/complete', proof)
    expect([answer.status, answer.body.code]).toEqual([403, code])
  })

  test('does not matter for a person who has an account', async () => {
    const person = newPerson()
    await signInWith(person)
    const { proof } = await visit(person)
    const worker = workerWith({ REGISTRATION: 'invitation' })
    expect((await worker.call('POST /api/v1/auth/sign-in/complete', proof)).status).toBe(200)
  })
})

describe('the code of the address', () => {
  test('is useless to anybody who did not begin the sign-in (ASVS 10.1.2)', async () => {
    const { proof } = await visit(newPerson())
    const { verifier } = await begin()
    const stolen = await complete({ ...proof, code_verifier: verifier })
    expect([stolen.status, stolen.body.code]).toEqual([401, 'invalid_sign_in'])
    expect((await complete(proof)).status).toBe(200)
  })

  test('works once, even if it is used ten times at once', async () => {
    const { proof } = await visit(newPerson())
    const statuses = (await Promise.all(Array.from({ length: 10 }, () => complete(proof)))).map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 9 }, () => 401)])
  })

  test('expires after two minutes', async () => {
    const { proof } = await visit(newPerson())
    await sql.query('update sign_in_attempts set expires_at = now() where code_hash = sha256($1)', [proof.code])
    expect((await complete(proof)).status).toBe(401)
  })

  test('is not in the database, and its user is not either once it is used', async () => {
    const { proof } = await visit(newPerson())
    await complete(proof)
    const [row] = await sql.query(
      'select t::text as text, identity from sign_in_attempts t where code_hash = sha256($1)',
      [proof.code],
    )
    expect(row?.identity).toBeNull()
    expect(row?.text).not.toContain(proof.code)
  })
})

describe('POST /api/v1/auth/sign-in', () => {
  test.each([
    ['another site', 'https://evil.example/dashboard'],
    ['a site whose name begins with ours', 'https://tollgate.test.evil.example/'],
    ['ours with a user in front', 'https://tollgate.test@evil.example/'],
    ['ours without TLS', 'http://tollgate.test/'],
    ['a script', 'javascript:alert(1)'],
  ])('sends no browser to %s', async (_, return_to) => {
    const { answer } = await begin('local', { return_to })
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'body.return_to'])
  })

  test('sends browsers to this deployment and to origins whose pages may call it', async () => {
    for (const return_to of [RETURN_TO, 'https://app.example.com/welcome']) {
      expect((await begin('local', { return_to })).answer.status).toBe(200)
    }
  })

  test.each([
    ['provider', { provider: 'nobody' }],
    ['code_challenge', { code_challenge: 'short' }],
    ['return_to', { return_to: 'not an address' }],
  ])('names a wrong %s', async (field, wrong) => {
    const { answer } = await begin('local', wrong)
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, `body.${field}`])
  })

  test('requests a code with PKCE, a fresh state and nonce each time, and only the scopes it needs (ASVS 10.2.3)', async () => {
    const urls = [await begin(), await begin()].map(({ answer }) => new URL(answer.body.authorization_url).searchParams)
    for (const url of urls) {
      expect(Object.fromEntries(url)).toMatchObject({
        response_type: 'code',
        code_challenge_method: 'S256',
        redirect_uri: 'https://tollgate.test/account/sign-in',
        scope: 'openid email profile',
      })
    }
    for (const name of ['state', 'nonce', 'code_challenge']) {
      const [one, other] = urls.map((url) => url.get(name) ?? '')
      expect(one?.length).toBeGreaterThanOrEqual(43)
      expect(one).not.toBe(other)
    }
  })
})
