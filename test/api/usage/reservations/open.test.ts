import { describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../../support/custom-meters.ts'
import { administrator, call, newKeyHolder } from '../../../support/http.ts'

const service = inject('credentials').service_key
const reserve = async (body: object) => (await call('POST /api/v1/usage/reserve', { token: service, body })).body
const list = (token: string, query = '') => call(`GET /api/v1/usage/reservations${query}`, { token })
const read = (token: string, id: string) => call(`GET /api/v1/usage/reservations/${id}`, { token })
const extend = (id: string, seconds: number, token = service) =>
  call(`POST /api/v1/usage/reservations/${id}/extend`, { token, body: { expires_in_seconds: seconds } })
const cancel = (reservation_id: string) =>
  call('POST /api/v1/usage/settle', { token: service, body: { reservation_id, cancel: true } })

describe('open reservations', () => {
  test('are listed page by page, newest first, each once, and can be read', async () => {
    const { keyId: key_id, organizationId, token } = await newKeyHolder()
    const made = []
    for (let at = 0; at < 5; at++) made.push(await reserve({ key_id, subject: `user ${at}`, tokens: at + 1 }))
    const first = await list(token, '?limit=2')
    expect(first.status).toBe(200)
    const pages = [first.body]
    while (pages.at(-1).next_cursor) pages.push((await list(token, `?limit=2&cursor=${pages.at(-1).next_cursor}`)).body)
    expect(pages.map(({ data }) => data.length)).toEqual([2, 2, 1])
    const listed = pages.flatMap(({ data }) => data)
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(made.map(({ reservation_id }) => reservation_id)))
    const times = listed.map(({ created_at }) => Date.parse(created_at))
    expect(times).toEqual(times.toSorted((one, other) => other - one))
    const [{ reservation_id, expires_at }] = made
    expect((await read(token, reservation_id)).body).toEqual({
      id: reservation_id,
      organization_id: organizationId,
      key_id,
      subject: 'user 0',
      held: { tokens: 1 },
      created_at: expect.any(String),
      expires_at,
    })
  })

  test('have the amounts of custom meters, with their decimals', async () => {
    await defineMeters()
    const { keyId: key_id, token } = await newKeyHolder()
    const held = { queries: 2, images: 3, audio_seconds: 12.345 }
    const { images, audio_seconds, queries } = held
    const { reservation_id } = await reserve({ key_id, queries, quantities: { images, audio_seconds } })
    expect((await list(token)).body.data).toMatchObject([{ id: reservation_id, held }])
    expect((await read(token, reservation_id)).body.held).toEqual(held)
  })

  test('are those of one key if requested', async () => {
    const { keyId: key_id, organizationId: organization_id, token } = await newKeyHolder()
    const { reservation_id } = await reserve({ key_id, queries: 1 })
    await reserve({ organization_id, queries: 1 })
    const { body } = await list(token, `?key_id=${key_id}`)
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual([reservation_id])
    expect((await list(token)).body.data).toHaveLength(2)
  })

  test('disappear once they are settled or expired, and are nobody else`s', async () => {
    const [{ keyId: key_id, token }, other] = await Promise.all([newKeyHolder(), newKeyHolder()])
    const { reservation_id } = await reserve({ key_id, queries: 1 })
    expect((await read(other.token, reservation_id)).status).toBe(404)
    expect((await list(other.token)).body.data).toEqual([])
    expect((await extend(reservation_id, 60, other.token)).status).not.toBe(200)
    await cancel(reservation_id)
    expect((await read(token, reservation_id)).body.code).toBe('reservation_not_found')
    expect((await list(token)).body.data).toEqual([])
  })

  test('end later when they are extended, never earlier, and not once they have ended', async () => {
    const { keyId: key_id, token } = await newKeyHolder({ max_concurrent: 1 })
    const { reservation_id, expires_at } = await reserve({ key_id, slots: 1, expires_in_seconds: 100 })
    const later = await extend(reservation_id, 200)
    expect(later.status).toBe(200)
    const moved = Date.parse(later.body.expires_at) - Date.parse(expires_at)
    expect(moved).toBeGreaterThanOrEqual(100_000)
    expect(moved).toBeLessThan(130_000)
    expect((await extend(reservation_id, 10)).body).toEqual(later.body)
    expect((await read(token, reservation_id)).body.expires_at).toBe(later.body.expires_at)
    expect(await reserve({ key_id, slots: 1 })).toMatchObject({ exceeded: { resets_at: later.body.expires_at } })
    await cancel(reservation_id)
    expect(await extend(reservation_id, 200)).toMatchObject({ status: 409, body: { code: 'reservation_closed' } })
    expect((await extend('nonsense', 200)).body.code).toBe('reservation_not_found')
    const wrong = await extend(reservation_id, 86_401)
    expect(wrong.body.errors.map(({ path }: { path: string }) => path)).toEqual(['body.expires_in_seconds'])
  })

  test('refuse a cursor of another list', async () => {
    const { token } = await newKeyHolder()
    expect((await list(token, '?cursor=bm9uc2Vuc2U')).body.errors[0].path).toBe('query.cursor')
  })
})

test('canceling a settled reservation is a conflict, also for the operator, and its use still counts', async () => {
  const { keyId: key_id, organizationId } = await newKeyHolder()
  const operator = await administrator()
  const byOperator = (id: string) =>
    call(`POST /api/v1/admin/organizations/${organizationId}/reservations/${id}/cancel`, { token: operator })
  const [settled, canceled] = [await reserve({ key_id, tokens: 700 }), await reserve({ key_id, tokens: 700 })]
  const body = { reservation_id: settled.reservation_id, input_tokens: 700 }
  await call('POST /api/v1/usage/settle', { token: service, body })
  await cancel(canceled.reservation_id)

  for (const end of [cancel, byOperator]) {
    expect((await end(settled.reservation_id)).body).toEqual({ outcome: 'conflict', released: false })
    expect((await end(canceled.reservation_id)).body).toEqual({ outcome: 'canceled', released: false })
  }
  expect((await call('POST /api/v1/usage/settle', { token: service, body })).body.outcome).toBe('duplicate')
})
