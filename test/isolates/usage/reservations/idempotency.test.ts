import { describe, expect, inject, test } from 'vitest'
import { toMonth } from '../../../../src/lib/period.ts'
import { quotaKey } from '../../../../src/limits/limit-request.ts'
import { call, newKeyHolder, setLimits } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'
import { readQuota } from '../../../support/quota.ts'

const token = inject('credentials').service_key
const ask = (line: string, body: Record<string, unknown>, as = token) =>
  call(`POST /api/v1/usage/${line}`, { token: as, body })

async function holderWith(limits: Record<string, number>) {
  const holder = await newKeyHolder()
  await setLimits(holder.organizationId, limits)
  return holder
}

describe('a reservation', () => {
  test('of more than a limit is refused as never fitting, ahead of a meter that is only full now', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000, queries: 10 })
    await ask('reserve', { organization_id, tokens: 600 })
    expect((await ask('reserve', { organization_id, tokens: 900, queries: 11 })).body).toMatchObject({
      granted: false,
      never_fits: true,
      exceeded: { meter: 'queries', resets_at: null },
    })
    expect((await ask('reserve', { organization_id, tokens: 900 })).body).not.toHaveProperty('never_fits')
  })

  test('is refused under an idempotency key whose hold was settled, canceled or expired, though Redis forgot it', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000 })
    const isolate = await newIsolate()
    const {
      redis: { shared: redis },
    } = isolate.deps()
    const reserve = (idempotency_key: string, more = {}) =>
      ask('reserve', { organization_id, tokens: 300, idempotency_key, ...more })
    const closed = { status: 409, body: { code: 'reservation_closed' } }
    for (const end of [{ input_tokens: 200 }, { cancel: true }]) {
      const { body } = await reserve(JSON.stringify(end))
      await ask('settle', { reservation_id: body.reservation_id, ...end })
      expect(await reserve(JSON.stringify(end))).toMatchObject(closed)
    }
    const settled = await reserve('lost')
    await ask('settle', { reservation_id: settled.body.reservation_id, input_tokens: 100 })
    const markers = await redis.keys(`reserved:${organization_id}:*`)
    await redis.del(...markers)
    expect(await reserve('lost')).toMatchObject(closed)
    const short = { organization_id, tokens: 5, idempotency_key: 'short', expires_in_seconds: 60 }
    expect(await isolate.reserve(short)).toMatchObject({ granted: true })
    isolate.advance(60_000)
    await expect(isolate.reserve(short)).rejects.toMatchObject({ code: 'reservation_closed' })
    const counted = await readQuota(redis, quotaKey(organization_id, toMonth(Date.now()).name))
    expect(counted).toMatchObject({ tokens: 300, 'held:tokens': 0 })
  })

  test('has its idempotency key for a day after its end, also after it was extended', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000 })
    const isolate = await newIsolate()
    const { shared } = isolate.deps().redis
    const asked = { organization_id, tokens: 300, idempotency_key: 'long', expires_in_seconds: 60 }
    const { body } = await ask('reserve', asked)
    const [marker = ''] = await shared.keys(`reserved:${organization_id}:*`)
    const path = `POST /api/v1/usage/reservations/${body.reservation_id}/extend`
    expect((await call(path, { token, body: { expires_in_seconds: 36_000 } })).status).toBe(200)
    expect(await shared.pttl(marker)).toBeGreaterThan(33 * 3_600_000)
    expect(await ask('reserve', { ...asked, tokens: 301 })).toMatchObject({ body: { code: 'idempotency_key_reused' } })
  })

  test('is the same if it is repeated after the period in which it was made', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000 })
    const isolate = await newIsolate()
    isolate.advance(toMonth(isolate.now()).end - isolate.now() - 30_000)
    const asked = { organization_id, tokens: 300, idempotency_key: 'over the end' }
    const first = (await isolate.reserve(asked)) as { reservation_id: string }
    isolate.advance(60_000)
    expect(await isolate.reserve(asked)).toMatchObject({ ...first, quotas: { tokens: { used: 0, held: 300 } } })
    await expect(isolate.reserve({ ...asked, tokens: 301 })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    const { redis } = isolate.deps()
    const month = toMonth(isolate.now()).name
    expect((await readQuota(redis.shared, quotaKey(organization_id, month)))['held:tokens'] ?? 0).toBe(0)
    await isolate.settle({ reservation_id: first.reservation_id, input_tokens: 200 })
    await expect(isolate.reserve(asked)).rejects.toMatchObject({ code: 'reservation_closed' })
    await redis.shared.del(...(await redis.shared.keys(`reserved:${organization_id}:*`)))
    await expect(isolate.reserve(asked)).rejects.toMatchObject({ code: 'reservation_closed' })
    await isolate.settled()
  })

  test('under the idempotency key of another request is refused; callers and organizations have keys of their own', async () => {
    const [one, other] = [await holderWith({ tokens: 1_000 }), await holderWith({ tokens: 1_000 })]
    const reserve = (organization_id: string, tokens: number, as = token) =>
      ask('reserve', { organization_id, tokens, idempotency_key: 'order 1' }, as)
    const first = await reserve(one.organizationId, 100)
    expect(await reserve(one.organizationId, 101)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    })
    const own = await reserve(one.organizationId, 101, one.token)
    const elsewhere = await reserve(other.organizationId, 101)
    const bound = await (await newIsolate()).reserve({
      organization_id: one.organizationId,
      tokens: 102,
      idempotency_key: 'order 1',
    })
    const ids = [first.body, own.body, elsewhere.body, bound].map((body) => body.reservation_id)
    expect(new Set(ids).size).toBe(4)
  })
})

describe('a settlement without a time, near the end of a period', () => {
  async function reservedAtTheEnd(skewMs: number) {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000 })
    const [ahead, behind] = [await newIsolate(), await newIsolate()]
    const { end } = toMonth(ahead.now())
    for (const isolate of [ahead, behind]) isolate.advance(end - isolate.now() - 30_000)
    ahead.skew(skewMs)
    const { reservation_id } = (await ahead.reserve({ organization_id, tokens: 500 })) as { reservation_id: string }
    async function counted() {
      const rows = await ahead
        .deps()
        .sql.query(
          'select input_tokens::int, period_start from usage_periods where organization_id = $1 and input_tokens > 0',
          [organization_id],
        )
      await Promise.all([ahead.settled(), behind.settled()])
      return rows.map(({ input_tokens, period_start }) => [toMonth(+new Date(period_start)).name, input_tokens])
    }
    return { ahead, behind, end, counted, settlement: { reservation_id, input_tokens: 450 } }
  }

  test('counts in the period of its hold, even if the clock of the settling isolate is behind', async () => {
    const { behind, end, counted, settlement } = await reservedAtTheEnd(40_000)
    expect(await behind.settle(settlement)).toEqual({ outcome: 'settled', released: true })
    expect(await counted()).toEqual([[toMonth(end).name, 450]])
  })

  test('is a duplicate if it is repeated in the next period', async () => {
    const { ahead, end, counted, settlement } = await reservedAtTheEnd(0)
    expect(await ahead.settle(settlement)).toEqual({ outcome: 'settled', released: true })
    ahead.advance(60_000)
    expect(await ahead.settle(settlement)).toEqual({ outcome: 'duplicate', released: false })
    expect(await counted()).toEqual([[toMonth(end - 1).name, 450]])
  })
})
