/** Amounts of custom meters that could not be checked on arrival: none is dropped silently. */

import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { VERIFICATION } from '../../../src/metering/event.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { keepOwnSpool } from '../../support/own-spool.ts'

keepOwnSpool()
beforeAll(defineMeters)
afterEach(() => vi.restoreAllMocks())

async function begin() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { keyId: key_id, organizationId } = await newKeyHolder()
  const isolate = await newIsolate({ USAGE_QUEUE: env.QUEUE })
  const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
  const { consumeUsage } = await isolate.load(() => import('../../../src/metering/consume-queue.ts'))
  const { sql, redis } = isolate.deps()

  return {
    key_id,
    organizationId,
    isolate,
    consumeUsage,
    drain: () => drainUsageSpool(isolate.deps()),
    /** What was counted, of all and of images. */
    async counted() {
      const [row] = await sql.query(
        `select (select coalesce(sum(queries + api_calls), 0)::int from usage_periods where organization_id = $1) as built_in,
          (select coalesce(sum(amount), 0)::int from usage_meter_periods where organization_id = $1) as images`,
        [organizationId],
      )
      return row
    },
    /** What was set aside for the organization or its key, removed, and the reason. */
    async takeLost() {
      const values = await redis.shared.smembers<Record<string, unknown>[]>('usage:aside')
      const own = values.filter((value) => [organizationId, key_id].some((id) => JSON.stringify(value).includes(id)))
      await Promise.all(own.map((value) => redis.shared.srem('usage:aside', JSON.stringify(value))))
      const reasons = errors.mock.calls.map(([line]) => JSON.parse(String(line)))
      return {
        aside: own.flat().map(({ id, quantities }) => ({ id, quantities })),
        reasons: reasons.filter(({ event }) => event === 'usage_lost').map(({ reason }) => reason),
      }
    },
  }
}

test('reports with an amount of no meter, or of too much, are set aside when they are drained, and the others count', async () => {
  const { key_id, isolate, drain, counted, takeLost } = await begin()
  const reported = [{ images: 2.4 }, { imagez: 5 }, { images: 1e13 }].map((quantities) => ({
    id: crypto.randomUUID(),
    key_id,
    queries: 1,
    quantities,
  }))
  const broken = breakStores(['/sql'])
  expect(await isolate.report(reported)).toMatchObject({ accepted: 3, spooled: true })
  broken.mockRestore()
  expect(await drain()).toMatchObject({ drained: 1, left: 0 })
  expect(await counted()).toEqual({ built_in: 1, images: 2 })
  const { aside, reasons } = await takeLost()
  const [, misspelt, endless] = reported
  expect(new Set(aside)).toEqual(
    new Set([misspelt, endless].map((one) => ({ id: one?.id, quantities: one?.quantities }))),
  )
  expect(reasons).toEqual([
    expect.stringMatching(/^quantities\.imagez: .*images/),
    'quantities.images: must be at most 1000000000000',
  ])
  const mended = { ...misspelt, quantities: { images: 5 } }
  expect(await isolate.report([mended])).toMatchObject({ accepted: 1 }) // under the same id
  expect(await counted()).toEqual({ built_in: 2, images: 7 })
})

test('a verification counts without an amount of a deleted meter, which is set aside, from spool and queue', async () => {
  const { organizationId, isolate, consumeUsage, drain, counted, takeLost } = await begin()
  const newEvent = () => ({
    id: uuidv7(Date.now()),
    source: VERIFICATION,
    organization_id: organizationId,
    occurred_at: new Date().toISOString(),
    api_calls: 1,
    quantities: { images: 2, imagez: 5 },
  })
  const [spooled, queued] = [newEvent(), newEvent()]
  const { trySpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
  await trySpool(isolate.deps(), [spooled])
  await drain()
  const body = JSON.stringify({ v: 1, events: [queued] })
  const batch = createMessageBatch('tollgate-usage', [{ id: '1', timestamp: new Date(), attempts: 1, body }])
  await consumeUsage(isolate.deps(), batch.messages)
  await isolate.settled()
  expect(await getQueueResult(batch, createExecutionContext())).toMatchObject({ explicitAcks: ['1'] })
  expect(await counted()).toEqual({ built_in: 2, images: 4 })
  const { aside, reasons } = await takeLost()
  expect(new Set(aside)).toEqual(new Set([spooled, queued].map(({ id }) => ({ id, quantities: { imagez: 5 } }))))
  expect(reasons).toHaveLength(2)
})
