import { beforeAll, describe, expect, test } from 'vitest'
import type { UsageEvent } from '../../../../src/metering/event.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { defineMeters } from '../../../support/custom-meters.ts'
import { directly } from '../../../support/direct.ts'
import { call, newKeyHolder } from '../../../support/http.ts'

const deps = directly()
let holder: Awaited<ReturnType<typeof newKeyHolder>>
let other: Awaited<ReturnType<typeof newKeyHolder>>

const read = (query: string) => call(`GET /api/v1/usage/keys?${query}`, { token: holder.token })
const day = (keyIds: string) => read(`key_ids=${keyIds}&from=2021-03-01T10:20:00Z&to=2021-03-01T13:00:00Z`)

beforeAll(async () => {
  await defineMeters()
  ;[holder, other] = await Promise.all([newKeyHolder(), newKeyHolder()])
  const event = (at: string, changes: Partial<UsageEvent> = {}, of = holder): UsageEvent => ({
    id: crypto.randomUUID(),
    organization_id: of.organizationId,
    key_id: of.keyId,
    occurred_at: new Date(at).toISOString(),
    ...changes,
  })
  await writeUsage(deps, [
    event('2021-03-01T10:59Z', { status_code: 200 }),
    event('2021-03-01T10:00Z', { status_code: 204, endpoint: '/a' }),
    event('2021-03-01T11:59Z', { requests: 0, quantities: { images: 3 } }),
    event('2021-03-01T11:00Z', { requests: 0, quantities: { images: 2 } }),
    event('2021-03-01T12:30Z', { status_code: 429 }),
    event('2021-03-01T12:31Z', { status_code: 401 }),
    event('2021-03-01T12:32Z', { status_code: 403 }),
    event('2021-03-01T12:33Z', { status_code: 500 }),
    event('2021-03-01T12:34Z', { error_code: 'timeout' }),
    event('2021-03-01T09:59Z'),
    event('2021-03-01T13:00Z'),
    event('2021-03-01T12:00Z', {}, other),
  ])
})

describe('GET /api/v1/usage/keys', () => {
  test("returns the outcomes of a key's requests in each whole hour", async () => {
    expect((await day(holder.keyId)).body).toEqual({
      from: '2021-03-01T10:00:00.000Z',
      to: '2021-03-01T13:00:00.000Z',
      data: [
        {
          key_id: holder.keyId,
          succeeded: [2, 0, 0],
          limited: [0, 0, 1],
          refused: [0, 0, 2],
          failed: [0, 0, 2],
          quantities: { images: [0, 5, 0] },
        },
      ],
    })
  })

  test('returns the keys in the requested order, each once, and nothing of keys of others', async () => {
    const { body } = await day(`${other.keyId},${holder.keyId.toUpperCase()},${holder.keyId}`)
    expect(body.data.map((row: { key_id: string }) => row.key_id)).toEqual([other.keyId, holder.keyId])
    expect(body.data[0]).toEqual({
      key_id: other.keyId,
      succeeded: [0, 0, 0],
      limited: [0, 0, 0],
      refused: [0, 0, 0],
      failed: [0, 0, 0],
      quantities: {},
    })
  })

  test('covers the last 36 hours by default', async () => {
    const { body } = await read(`key_ids=${holder.keyId}`)
    expect(body.data[0].succeeded).toHaveLength(36)
    expect(Date.parse(body.to)).toBeGreaterThan(Date.now())
  })

  test.each([
    ['no keys', 'key_ids=', 'query.key_ids'],
    ['what is no id', 'key_ids=all', 'query.key_ids'],
    ['more than 100 keys', `key_ids=${Array.from({ length: 101 }, () => crypto.randomUUID()).join()}`, 'query.key_ids'],
    [
      'more hours than so many keys may have',
      `key_ids=${Array.from({ length: 100 }, () => crypto.randomUUID()).join()}&from=2021-03-01&to=2021-03-03T03:00:00Z`,
      'query.from',
    ],
  ])('refuses %s', async (_, query, path) => {
    const { status, body } = await read(query)
    expect([status, body.errors[0].path]).toEqual([400, path])
  })
})
