import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { isBreachedPassword } from '../../../../src/accounts/passwords/breached.ts'
import type { Config } from '../../../../src/config.ts'
import { type Fault, failFor } from '../../../support/faults.ts'

const BREACHED = 'breached-password-123'
const RANGE = `${env.STACK_URL}/breached/range`
const check = (password: string, url: string | undefined = RANGE, timeoutMs = 5_000) =>
  isBreachedPassword(
    { config: { BREACHED_PASSWORDS_URL: url, BREACHED_PASSWORDS_TIMEOUT_MS: timeoutMs } as Config },
    password,
  )

let warned: MockInstance<typeof console.warn>
beforeEach(() => {
  warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => vi.restoreAllMocks())

const logged = () => warned.mock.calls.map(([line]) => JSON.parse(String(line)))

/** A password used only by this test, and the prefix of its hash, at which a fault can be aimed. */
async function ownPassword() {
  const password = `nobody chose ${crypto.randomUUID()}`
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(password))
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { password, prefix: hash.slice(0, 5).toUpperCase() }
}

const fault = (prefix: string, how: Pick<Fault, 'kind'>) =>
  failFor(`/range/${prefix}`, { door: 'breached', count: 1, ...how })

describe('v5.0.0-6.2.12: a password known from a breach', () => {
  test('is found only in exactly that spelling', async () => {
    expect(await check(BREACHED)).toBe(true)
    expect(
      await Promise.all([BREACHED.toUpperCase(), ` ${BREACHED}`, `${BREACHED}\n`].map((text) => check(text))),
    ).toEqual([false, false, false])
    expect(logged()).toEqual([])
  })

  test('is looked up by five digits of its hash, padded; nothing else leaves the Worker', async () => {
    const asked = vi.spyOn(globalThis, 'fetch')
    const { password, prefix } = await ownPassword()
    expect(await check(password)).toBe(false)
    const calls = asked.mock.calls.map((call) => call as unknown[])
    // deferred work of another test may still send requests to other services
    expect(calls.filter(([url]) => String(url).startsWith(RANGE))).toEqual([
      [
        `${RANGE}/${prefix}`,
        {
          headers: { 'Add-Padding': 'true', 'User-Agent': 'tollgate' },
          redirect: 'manual',
          signal: expect.any(AbortSignal),
        },
      ],
    ])
    expect(calls.filter((call) => JSON.stringify(call).includes(password))).toEqual([])
  })

  test('is not looked up if no service is configured', async () => {
    const asked = vi.spyOn(globalThis, 'fetch')
    expect(await isBreachedPassword({ config: {} as Config }, BREACHED)).toBe(false)
    expect(asked).not.toHaveBeenCalled()
  })

  test('ignores lines with a count of 0: they are padding', async () => {
    const { password, prefix } = await ownPassword()
    const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(password))
    const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
      .join('')
      .toUpperCase()
    const answer = (count: number) => new Response(`${hash.slice(5)}:${count}`)
    const asked = vi.spyOn(globalThis, 'fetch').mockResolvedValueOnce(answer(0)).mockResolvedValueOnce(answer(1))
    expect([await check(password), await check(password)]).toEqual([false, true])
    expect(asked.mock.calls[0]?.[0]).toBe(`${RANGE}/${prefix}`)
  })
})

describe('while the service is down, passwords are accepted and the outage is logged', () => {
  test.each([
    ['an error page', { kind: 'status', value: 503 }],
    ['too many requests', { kind: 'status', value: 429 }],
    ['a dropped connection', { kind: 'reset_before' }],
    ['half an answer', { kind: 'truncate' }],
    ['no answer', { kind: 'hang' }],
    ['an answer after the time for it', { kind: 'delay', value: 10_000 }],
  ])('%s', async (_, kind) => {
    const { password, prefix } = await ownPassword()
    await fault(prefix, kind)
    const start = Date.now()
    expect(await check(password, RANGE, 500)).toBe(false)
    expect(Date.now() - start).toBeLessThan(9_000)
    expect(logged()).toEqual([expect.objectContaining({ level: 'warn', event: 'breach_check_unavailable' })])
    expect(JSON.stringify(logged())).not.toContain(password)
  })

  test('nothing listens at the address, or the response is malformed', async () => {
    expect(await check(BREACHED, `${env.STACK_URL}/nowhere`)).toBe(false)
    expect(await check(BREACHED, `${env.STACK_URL}/outbox?format=json&prefix=`)).toBe(false)
    expect(logged().map(({ event }) => event)).toEqual(['breach_check_unavailable', 'breach_check_unavailable'])
  })
})
