import { describe, expect, test } from 'vitest'
import { ALL_METERS } from '../../../src/db/schema/meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, setLimits } from '../../support/http.ts'

const token = await administrator()
const METERS = '/api/v1/admin/meters'

const newSlug = () => `m${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`

async function define(fields: object = {}) {
  const body = { slug: newSlug(), name: 'Images', unit: 'images', kind: 'counter', ...fields }
  return { slug: body.slug, ...(await call(`POST ${METERS}`, { token, body })) }
}

const remove = (slug: string) => call(`DELETE ${METERS}/${slug}`, { token })

describe('a meter of one’s own', () => {
  test('is created, read, renamed and, while unused, deleted', async () => {
    const { slug, status, body } = await define({ scale: 2 })
    expect(status).toBe(201)
    expect(body).toMatchObject({ slug, name: 'Images', unit: 'images', kind: 'counter', scale: 2, is_builtin: false })
    expect((await call(`GET ${METERS}/${slug}`, { token })).body).toEqual(body)
    expect((await call(`GET ${METERS}`, { token })).body.data).toContainEqual(body)

    const renamed = await call(`PATCH ${METERS}/${slug}`, { token, body: { name: 'Pictures' } })
    expect(renamed.body).toMatchObject({ slug, name: 'Pictures', unit: 'images', scale: 2 })

    expect((await remove(slug)).status).toBe(204)
    expect((await call(`GET ${METERS}/${slug}`, { token })).body.code).toBe('meter_not_found')
    const { body: log } = await call(`GET /api/v1/admin/audit-logs?target_id=${slug}`, { token })
    expect(log.data.map(({ action }: { action: string }) => action)).toEqual([
      'admin.meter_deleted',
      'admin.meter_updated',
      'admin.meter_created',
    ])
  })

  test('has a unique slug: of many concurrent requests one creates it', async () => {
    const slug = newSlug()
    const answers = await Promise.all(Array.from({ length: 8 }, () => define({ slug })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(new Set(answers.map(({ body }) => body.code ?? 'created'))).toEqual(new Set(['created', 'meter_exists']))
    await remove(slug)
  })

  test.each([
    [{ slug: 'Images' }, 'body.slug'],
    [{ slug: '1image' }, 'body.slug'],
    [{ slug: '' }, 'body.slug'],
    [{ slug: 'a'.repeat(41) }, 'body.slug'],
    [{ slug: 'm:images' }, 'body.slug'],
    [{ slug: 'tokens' }, 'body.slug'],
    [{ slug: 'requests' }, 'body.slug'],
    [{ slug: 'max_api_keys' }, 'body.slug'],
    [{ kind: 'histogram' }, 'body.kind'],
    [{ scale: -1 }, 'body.scale'],
    [{ scale: 7 }, 'body.scale'],
    [{ scale: 0.5 }, 'body.scale'],
    [{ name: '' }, 'body.name'],
    [{ unit: 'x'.repeat(41) }, 'body.unit'],
  ])('is refused with %j, naming the field', async (fields, path) => {
    const { status, body } = await define(fields)
    expect(status).toBe(400)
    expect(body.errors).toContainEqual(expect.objectContaining({ path }))
  })

  test('accepts the longest slug and the most decimals', async () => {
    const { slug, status } = await define({ slug: newSlug().padEnd(40, 'x'), scale: 6 })
    expect(status).toBe(201)
    await remove(slug)
  })

  test('never changes slug, kind or scale', async () => {
    const { slug } = await define()
    for (const change of [{ slug: 'other' }, { kind: 'gauge' }, { scale: 1 }])
      expect((await call(`PATCH ${METERS}/${slug}`, { token, body: change })).status).toBe(400)
    await remove(slug)
  })

  test('is not deleted while a plan, an organization or a key limits it', async () => {
    const { slug } = await define()
    const { organizationId, token: owner, keyId } = await newKeyHolder()
    const inUse = async () => expect((await remove(slug)).body).toMatchObject({ status: 409, code: 'meter_in_use' })
    const limitKey = (limits: readonly object[]) =>
      call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token: owner, body: { limits } })
    const id = `p${crypto.randomUUID().slice(0, 8)}`
    const limits = { rate_limit_per_minute: 60, max_api_keys: 1, meters: { [slug]: { limit: 5, at_limit: 'block' } } }

    await setLimits(organizationId, { meters: { [slug]: 5 } })
    await inUse()
    await setLimits(organizationId, { meters: { [slug]: null } })
    expect((await limitKey([{ name: 'daily', meter: slug, limit: 5, period: 'day' }])).status).toBe(200)
    await inUse()
    await limitKey([])
    const plan = { id, name: 'Own', prices: [], is_public: false, limits }
    expect((await call('POST /api/v1/admin/plans', { token, body: plan })).status).toBe(201)
    await inUse()
    expect((await call(`DELETE /api/v1/admin/plans/${id}`, { token })).status).toBe(204)
    expect((await remove(slug)).status).toBe(204)
  })

  test('is not deleted once usage of it was recorded', async () => {
    const { slug } = await define()
    const { user } = await newUser()
    await directly().sql.query(
      `insert into usage_meter_periods (organization_id, period_start, meter, amount) values ($1, now(), $2, 1)`,
      [user.organization_id, slug],
    )
    expect((await remove(slug)).body).toMatchObject({ status: 409, code: 'meter_in_use' })
    await directly().sql.query('delete from usage_meter_periods where meter = $1', [slug])
    expect((await remove(slug)).status).toBe(204)
  })
})

describe('a built-in meter', () => {
  test('is listed before all others', async () => {
    const { data } = (await call(`GET ${METERS}`, { token })).body
    const builtIn = data.slice(0, ALL_METERS.length)
    expect(builtIn.map(({ slug }: { slug: string }) => slug).toSorted()).toEqual(ALL_METERS.toSorted())
    for (const meter of builtIn) expect(meter.is_builtin).toBe(true)
  })

  test('can be neither changed nor deleted', async () => {
    const changed = await call(`PATCH ${METERS}/tokens`, { token, body: { name: 'Words' } })
    expect(changed.body).toMatchObject({ status: 409, code: 'meter_protected' })
    expect((await remove('tokens')).body).toMatchObject({ status: 409, code: 'meter_protected' })
  })
})

test('customers can neither see nor create meters', async () => {
  const { token: customers } = await newUser()
  expect((await call(`GET ${METERS}`, { token: customers })).status).toBe(404)
  expect((await call(`POST ${METERS}`, { token: customers, body: {} })).status).toBe(404)
})
