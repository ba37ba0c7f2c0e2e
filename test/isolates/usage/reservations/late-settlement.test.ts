import { expect, inject, test } from 'vitest'
import { toPeriod } from '../../../../src/lib/period.ts'
import { quotaKey } from '../../../../src/limits/limit-request.ts'
import { call, newKeyHolder, setLimits } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'
import { readQuota } from '../../../support/quota.ts'

/** An organization with a limit of 1,000 tokens. */
async function holder() {
  const made = await newKeyHolder()
  await setLimits(made.organizationId, { tokens: 1_000 })
  return made
}

test.each([
  [2, 'calendar months', undefined],
  [3, 'calendar months', undefined],
  [2, 'months from an anchor', 9 * 86_400_000],
])('a settlement %s periods later counts in the period of its hold: %s', async (periods, _, anchoredAgoMs) => {
  const { keyId, organizationId } = await holder()
  const isolate = await newIsolate()
  const {
    sql,
    redis: { shared: redis },
  } = isolate.deps()
  const anchor = anchoredAgoMs === undefined ? undefined : isolate.now() - anchoredAgoMs
  await sql.query('update organizations set period_anchor = $2 where id = $1', [
    organizationId,
    anchor === undefined ? null : new Date(anchor).toISOString(),
  ])
  const own = toPeriod(anchor, isolate.now())
  const held = await isolate.reserve({ key_id: keyId, tokens: 500 })
  const counter = quotaKey(organizationId, own.name)
  expect(await readQuota(redis, counter)).toMatchObject({ 'held:tokens': 500 })
  let later = own
  for (let passed = 0; passed < periods; passed++) later = toPeriod(anchor, later.end)
  isolate.advance(later.start + 3_600_000 - isolate.now())
  const reservation_id = 'reservation_id' in held ? held.reservation_id : ''
  const settle = () => isolate.settle({ reservation_id, input_tokens: 450 })
  expect(await settle()).toMatchObject({ outcome: 'settled' })
  expect(await settle()).toMatchObject({ outcome: 'duplicate' })
  const rows = await sql.query(
    'select input_tokens::int, period_start from usage_periods where organization_id = $1 and input_tokens > 0',
    [organizationId],
  )
  expect(rows.map(({ input_tokens, period_start }) => [input_tokens, new Date(period_start).getTime()])).toEqual([
    [450, own.start],
  ])
  expect(await readQuota(redis, counter)).toMatchObject({ tokens: 450, 'held:tokens': 0 })
  await isolate.settled()
})

test('a reservation of an invalid month is not found', async () => {
  const { organizationId } = await holder()
  const reservation_id = `hold_${organizationId.replaceAll('-', '')}_2026-13_${'a'.repeat(22)}`
  const token = inject('credentials').service_key
  const body = { reservation_id, input_tokens: 1 }
  expect(await call('POST /api/v1/usage/settle', { token, body })).toMatchObject({
    status: 404,
    body: { code: 'reservation_not_found' },
  })
})
