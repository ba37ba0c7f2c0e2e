import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { failFor } from '../../support/faults.ts'
import { newUser } from '../../support/http.ts'
import { mailsTo } from '../../support/mail.ts'
import { workerWith } from '../../support/variant.ts'

const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)

/** A Worker that has not loaded its list yet: its list address is unique. */
const fresh = (more: Record<string, string> = {}, id: string = crypto.randomUUID()) =>
  workerWith({
    DISPOSABLE_DOMAINS_URL: `${env.STACK_URL}/disposable/domains.txt?${id}`,
    DISPOSABLE_DOMAINS_TIMEOUT_MS: '500',
    ...more,
  })

const password = 'correct horse battery'
const at = (domain: string) => `person-${crypto.randomUUID()}@${domain}`
const isTold = () => warned.mock.calls.some(([line]) => String(line).includes('disposable_list_unavailable'))

describe('where throwaway addresses are refused by a list', () => {
  test.each([
    ['throwaway.example', 403],
    ['mx.throwaway.example', 403],
    ['THROWAWAY.example', 403],
    ['notthrowaway.example', 201],
    ['example', 400],
    ['example.com', 201],
  ])('an address at %s is answered %i', async (domain, status) => {
    const { call } = fresh()
    const answer = await call('POST /api/v1/auth/register', { email: at(domain), password })
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.body.code).toBe('email_disposable')
  })

  test('nobody can change to one', async () => {
    const { token } = await newUser()
    const headers = { Authorization: `Bearer ${token}` }
    const body = { new_email: at('throwaway.example'), password }
    const answer = await fresh().call('POST /api/v1/auth/email/change', body, undefined, headers)
    expect(answer.body.code).toBe('email_disposable')
  })

  test('no code is sent to one without an account', async () => {
    const { call, settled } = fresh({ EMAIL_SIGN_IN: 'code' })
    const [thrown, lasting] = [at('throwaway.example'), at('example.com')]
    const code_challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    for (const email of [thrown, lasting])
      expect((await call('POST /api/v1/auth/sign-in/email', { email, code_challenge })).status).toBe(202)
    await settled()
    expect(await mailsTo(thrown)).toEqual([])
    expect(await mailsTo(lasting)).toHaveLength(1)
  })

  test('a request that timed out waiting does not discard a list that another has loaded meanwhile', async () => {
    const id = crypto.randomUUID()
    const { call } = fresh({}, id)
    await failFor(id, { door: 'disposable', kind: 'hang', count: 1 })
    const register = () => call('POST /api/v1/auth/register', { email: at('throwaway.example'), password })
    const waiting = register()
    expect((await register()).status).toBe(403)
    expect((await waiting).status).toBe(403)
    expect((await register()).status).toBe(403)
  })

  test('a malformed list never replaces one, and is logged: nobody is refused because of it', async () => {
    warned.mockClear()
    const page = fresh({ DISPOSABLE_DOMAINS_URL: `${env.STACK_URL}/control/counters?${crypto.randomUUID()}` })
    const { status } = await page.call('POST /api/v1/auth/register', { email: at('throwaway.example'), password })
    expect([status, isTold()]).toEqual([201, true])
  })

  test.each([
    ['is slow', { kind: 'hang' }],
    ['fails', { kind: 'status', value: 503 }],
  ] as const)('everybody is admitted while the list %s, which is logged, and reloaded later', async (_, fault) => {
    warned.mockClear()
    const id = crypto.randomUUID()
    const { call } = fresh({}, id)
    await failFor(id, { door: 'disposable', count: 1, ...fault })
    expect((await call('POST /api/v1/auth/register', { email: at('throwaway.example'), password })).status).toBe(201)
    expect(isTold()).toBe(true)
    warned.mockClear()
    await call('POST /api/v1/auth/register', { email: at('throwaway.example'), password })
    expect(isTold()).toBe(false)
  })
})
