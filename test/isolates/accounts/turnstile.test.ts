import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { newServiceKey } from '../../support/customers.ts'
import { failFor } from '../../support/faults.ts'
import { mailsTo } from '../../support/mail.ts'
import { workerWith } from '../../support/variant.ts'

const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)

/** Cloudflare's keys for tests: its widget passes without a question. */
const TURNSTILE_SITE_KEY = '1x00000000000000000000AA'
const TURNSTILE_SECRET = '1x0000000000000000000000000000000AA'

const stack = env.STACK_URL
const settings = {
  TURNSTILE_SITE_KEY,
  TURNSTILE_SECRET_KEY: TURNSTILE_SECRET,
  TURNSTILE_URL: `${stack}/turnstile/v0`,
  TURNSTILE_TIMEOUT_MS: '500',
}
const { call } = workerWith(settings)

const person = () => ({ email: `person-${crypto.randomUUID()}@example.com`, password: 'correct horse battery' })
const newToken = () => `local.${crypto.randomUUID()}`
const register = (more: object = {}, by = call) => by('POST /api/v1/auth/register', { ...person(), ...more })
const isTold = () => warned.mock.calls.some(([line]) => String(line).includes('turnstile_unavailable'))

describe('where Turnstile is configured, registering', () => {
  test('accepts a valid token once', async () => {
    const turnstile_token = newToken()
    expect((await register({ turnstile_token })).status).toBe(201)
    expect((await register({ turnstile_token })).body.code).toBe('person_unproven')
  })

  test.each([[{}], [{ turnstile_token: 'invented' }], [{ turnstile_token: 'a b' }], [{ turnstile_token: 'a\ud800' }]])(
    'is refused with %j',
    async (more) => {
      const answer = await register(more)
      expect([400, 403]).toContain(answer.status)
      expect(['invalid_request', 'person_unproven']).toContain(answer.body.code)
    },
  )

  test('by a code requires a token as well, but does not reveal a missing one', async () => {
    const { call: ask, settled } = workerWith({ ...settings, EMAIL_SIGN_IN: 'code' })
    const code_challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    const [robot, human] = [person().email, person().email]
    const answers = [
      await ask('POST /api/v1/auth/sign-in/email', { email: robot, code_challenge }),
      await ask('POST /api/v1/auth/sign-in/email', { email: human, code_challenge, turnstile_token: newToken() }),
    ]
    expect(answers[0]?.body).toEqual(answers[1]?.body)
    await settled()
    expect(await mailsTo(robot)).toEqual([])
    expect(await mailsTo(human)).toHaveLength(1)
  })

  test('is listed among the ways to sign in, and the page may load its widget', async () => {
    const { body } = await call('GET /api/v1/auth/sign-in/methods')
    expect(body.turnstile).toEqual({
      site_key: TURNSTILE_SITE_KEY,
      script_url: `${stack}/turnstile/v0/api.js?render=explicit`,
    })
    expect((await fetch(body.turnstile.script_url)).headers.get('Content-Type')).toContain('text/javascript')
  })

  test('by a back end that vouches for its client requires none', async () => {
    const { key } = await newServiceKey('platform:users:write')
    const headers = { 'Tollgate-Client-IP': '198.51.100.7', 'Tollgate-Service-Key': key }
    expect((await call('POST /api/v1/auth/register', person(), undefined, headers)).status).toBe(201)
  })

  test.each([
    ['is slow', { kind: 'hang' }],
    ['fails', { kind: 'status', value: 503 }],
    ['answers half', { kind: 'truncate' }],
  ] as const)('is open while Cloudflare %s, which is logged', async (_, fault) => {
    warned.mockClear()
    const turnstile_token = newToken()
    await failFor(turnstile_token, { door: 'turnstile', count: 1, ...fault })
    expect((await register({ turnstile_token })).status).toBe(201)
    expect(isTold()).toBe(true)
  })

  test('is open with a secret that Cloudflare does not know, which is logged', async () => {
    warned.mockClear()
    const wrong = workerWith({ ...settings, TURNSTILE_SECRET_KEY: '0x0000000000000000000000000000000AA' })
    expect((await register({ turnstile_token: newToken() }, wrong.call)).status).toBe(201)
    expect(isTold()).toBe(true)
  })

  test('requires nothing if one of the two keys is missing', async () => {
    const half = workerWith({ TURNSTILE_SITE_KEY })
    expect((await register({}, half.call)).status).toBe(201)
    expect((await half.call('GET /api/v1/auth/sign-in/methods')).body.turnstile).toBeNull()
  })
})
