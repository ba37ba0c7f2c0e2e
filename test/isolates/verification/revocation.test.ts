import { afterEach, describe, expect, test, vi } from 'vitest'
import { keyVersionKey, organizationVersionKey } from '../../../src/limits/limit-request.ts'
import { publishVersion } from '../../../src/limits/versions.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { directly } from '../../support/direct.ts'
import { failFor } from '../../support/faults.ts'
import { administrator, call, newKeyHolder, setLimits } from '../../support/http.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'

const SECOND = 1_000
type Holder = Awaited<ReturnType<typeof newKeyHolder>>

const patch = ({ keyId, token }: Holder, body: unknown) => call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body })
const act = (line: string, { keyId, token }: Holder, body?: unknown) =>
  call(line.replace('{id}', `/api/v1/auth/api-keys/${keyId}`), { token, ...(body !== undefined && { body }) })

/** Suspends it and publishes that, like everything that suspends organizations. */
async function suspend({ organizationId }: Holder) {
  const deps = directly()
  const [row] = await deps.sql.query(
    'update organizations set suspended_at = now(), version = version + 1 where id = $1 returning version',
    [organizationId],
  )
  await publishVersion(deps, organizationVersionKey(organizationId), row?.version)
}

/** Everything that changes what a key may do, and its next verdict. */
const CHANGES: readonly [what: string, change: (holder: Holder) => Promise<unknown>, verdict: object][] = [
  ['a revocation', (holder) => act('DELETE {id}', holder), { code: 'REVOKED' }],
  ['switching off', (holder) => patch(holder, { is_active: false }), { code: 'DISABLED' }],
  ['other scopes', (holder) => patch(holder, { scopes: ['answers:read'] }), { code: 'INSUFFICIENT_SCOPE' }],
  ['an address', (holder) => patch(holder, { allowed_ips: ['192.0.2.1'] }), { code: 'FORBIDDEN_IP' }],
  ['a new name', (holder) => patch(holder, { name: 'Renamed' }), { code: 'VALID', name: 'Renamed' }],
  ['another limit of its own', (holder) => patch(holder, { custom_rate_limit: 9 }), { ratelimit: { limit: 9 } }],
  ['a rotation', (holder) => act('POST {id}/rotate', holder, {}), { code: 'REVOKED' }],
  [
    "another limit of the organization's",
    ({ organizationId }) => setLimits(organizationId, { rate_limit_per_minute: 11 }),
    { ratelimit: { limit: 11 } },
  ],
  [
    'another plan',
    async ({ organizationId }) =>
      call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, {
        token: await administrator(),
        body: { plan: 'pro' },
      }),
    { code: 'VALID', plan: 'pro' },
  ],
  ['a suspension', suspend, { code: 'ORGANIZATION_SUSPENDED' }],
]

const connected = await newIsolate()
const cutOff = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
const asked = { scopes: ['reports:read'] }

describe('what another isolate sees of', () => {
  afterEach(() => void vi.restoreAllMocks())

  test.each(CHANGES)('%s: all of it at its next round trip; without Redis, within 30 s', async (_, change, verdict) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const holder = await newKeyHolder({ scopes: ['reports:*'] })
    for (const isolate of [connected, cutOff])
      expect(await isolate.verify(holder.key, asked)).toMatchObject({
        code: 'VALID',
        plan: 'free',
        ratelimit: { limit: 60 },
      })

    const changed = await change(holder)
    if (changed) expect((changed as { status: number }).status).toBeLessThan(300)
    expect(await connected.verify(holder.key, asked)).toMatchObject(verdict)

    expect(await cutOff.verify(holder.key, asked)).toMatchObject({ code: 'VALID', plan: 'free' })
    cutOff.advance(25 * SECOND)
    expect(await cutOff.verify(holder.key, asked)).toMatchObject(verdict)
    await Promise.all([connected.settled(), cutOff.settled()])
  })

  test('enabling again: a refusal is rechecked after a second, even without Redis', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const holder = await newKeyHolder()
    await patch(holder, { is_active: false })
    for (const isolate of [connected, cutOff])
      expect(await isolate.verify(holder.key)).toMatchObject({ code: 'DISABLED' })
    await patch(holder, { is_active: true })
    for (const isolate of [connected, cutOff]) {
      isolate.advance(2 * SECOND)
      expect(await isolate.verify(holder.key)).toMatchObject({ code: 'VALID' })
    }
    await Promise.all([connected.settled(), cutOff.settled()])
  })
})

describe('if Redis fails just when a revocation is published', () => {
  afterEach(() => void vi.restoreAllMocks())

  async function revokedWhileFailing(times: number) {
    const holder = await newKeyHolder()
    expect(await connected.verify(holder.key)).toMatchObject({ code: 'VALID' })
    await failFor(keyVersionKey(holder.keyId), { door: 'redis', kind: 'status', value: 500, count: times })
    expect((await act('DELETE {id}', holder)).status).toBe(204)
    return holder
  }

  test('it is published again, up to three times in total, and another isolate sees it at once', async () => {
    const { key } = await revokedWhileFailing(2)
    expect(await connected.verify(key)).toMatchObject({ code: 'REVOKED' })
    await connected.settled()
  })

  test('after the third time that is in the log, and another isolate sees it when its row is reloaded', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, keyId } = await revokedWhileFailing(3)
    expect(warned.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
      { event: 'versions_not_announced', count: 1, first: { name: keyVersionKey(keyId), version: 2 } },
    ])
    expect(await connected.verify(key)).toMatchObject({ code: 'VALID' })
    connected.advance(25 * SECOND)
    expect(await connected.verify(key)).toMatchObject({ code: 'REVOKED' })
    await connected.settled()
  })

  test('it is repeated until it arrives, and seen even if Neon fails right after it', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key } = await revokedWhileFailing(4)
    breakStores(['/sql'])
    // the row that would refuse it cannot be read: it must not be valid
    await expect
      .poll(
        () =>
          connected.verify(key).then(
            ({ code }) => code,
            () => 'UNAVAILABLE',
          ),
        { timeout: 20_000 },
      )
      .not.toBe('VALID')
    vi.restoreAllMocks()
    expect(await connected.verify(key)).toMatchObject({ code: 'REVOKED' })
    await connected.settled()
  })
})

describe('while Neon fails', () => {
  afterEach(() => void vi.restoreAllMocks())

  test('a version that is missing in Redis confirms nothing', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, keyId, organizationId } = await newKeyHolder()
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.deps().redis.shared.del(keyVersionKey(keyId), organizationVersionKey(organizationId)) // as if it had expired, or Redis was flushed
    breakStores(['/sql'])
    isolate.advance(24 * SECOND)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    isolate.advance(2 * SECOND)
    await expect(isolate.verify(key)).rejects.toThrow()
    vi.restoreAllMocks()
    await isolate.settled()
  })
})

describe('a future end takes effect from memory, without a notification', () => {
  test.each([
    ['expiry', (holder: Holder, at: string) => patch(holder, { expires_at: at }), 'EXPIRED'],
    ['grace period', (holder: Holder) => act('POST {id}/rotate', holder, { grace_period_seconds: 3_600 }), 'REVOKED'],
  ])('to the second: its %s', async (_, change, code) => {
    const isolate = await newIsolate()
    const holder = await newKeyHolder()
    const at = new Date(isolate.now() + 3_600 * SECOND).toISOString()
    await change(holder, at)
    const { body } = await act('GET {id}', holder)
    const end = Date.parse(body.revoked_at ?? body.expires_at)
    isolate.advance(end - isolate.now() - 20 * SECOND)
    expect(await isolate.verify(holder.key)).toMatchObject({ code: 'VALID' })
    isolate.advance(end - isolate.now() - 5 * SECOND)
    expect(await isolate.verify(holder.key)).toMatchObject({ code: 'VALID' })
    isolate.advance(end - isolate.now())
    expect(await isolate.verify(holder.key)).toMatchObject({ code })
    await isolate.settled()
  })
})
