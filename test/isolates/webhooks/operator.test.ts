import { afterAll, describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { create } from '../../support/organizations.ts'

const HOOKS = '/api/v1/admin/webhooks'
const url = 'https://hooks.example.com/operator'
const token = await administrator()
const { sql } = directly()
const made: string[] = []

async function newHook(fields: Record<string, unknown> = {}) {
  const answer = await call(`POST ${HOOKS}`, { token, body: { url, events: ['organization.deleted'], ...fields } })
  if (answer.status === 201) made.push(answer.body.id)
  return answer
}

afterAll(async () => {
  for (const id of made) await sql.query('delete from webhook_endpoints where id = $1', [id])
})

const sentTo = (id: string) =>
  sql.query('select type, payload from webhook_deliveries where endpoint_id = $1 order by id', [id])

describe("the operator's endpoints", () => {
  test('are created, shown, changed, tested and deleted by administrators, and each action leaves an audit row', async () => {
    const { status, body } = await newHook({ description: 'Ours', events: ['organization.deleted'] })
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { url, events: ['organization.deleted'], is_active: true },
    })
    const { secret, ...shown } = body
    expect(secret).toMatch(/^whsec_/)
    const one = `${HOOKS}/${shown.id}`
    expect((await call(`GET ${one}`, { token })).body).toEqual(shown)
    const { body: list } = await call(`GET ${HOOKS}?limit=100`, { token })
    expect(list.data).toContainEqual(shown)
    expect((await call(`PATCH ${one}`, { token, body: { description: null } })).body).toMatchObject({
      description: null,
    })
    expect((await call(`POST ${one}/rotate-secret`, { token })).body.secret).not.toBe(secret)
    const tested = await call(`POST ${one}/test`, { token })
    expect(tested).toMatchObject({
      status: 202,
      body: { type: 'webhook.test', payload: { data: { endpoint_id: shown.id } } },
    })
    const deliveries = await call(`GET ${one}/deliveries`, { token })
    expect(deliveries.body.data.map(({ id }: { id: string }) => id)).toContain(tested.body.id)
    expect((await call(`POST /api/v1/admin/deliveries/${tested.body.id}/resend`, { token })).status).toBe(202)
    expect((await call(`DELETE ${one}`, { token })).status).toBe(204)
    expect((await call(`GET ${one}`, { token })).body.code).toBe('webhook_endpoint_not_found')
    const audit = await sql.query('select action from audit_logs where target_id = $1 order by id', [shown.id])
    expect(audit.map(({ action }) => action)).toEqual([
      'webhook_endpoint.created',
      'webhook_endpoint.updated',
      'webhook_endpoint.secret_rotated',
      'webhook_endpoint.tested',
      'admin.delivery_resent',
      'webhook_endpoint.deleted',
    ])
  })

  test("are not the platform organization's own, and vice versa", async () => {
    const { body: theirs } = await newHook({ events: ['organization.deleted'] })
    const { body: own } = await call('POST /api/v1/webhook-endpoints', {
      token,
      body: { url, events: ['organization.deleted'] },
    })
    made.push(own.id)
    for (const line of [`GET /api/v1/webhook-endpoints/${theirs.id}`, `GET ${HOOKS}/${own.id}`])
      expect((await call(line, { token })).body.code).toBe('webhook_endpoint_not_found')
    const ids = async (path: string) =>
      (await call(`GET ${path}?limit=100`, { token })).body.data.map((one: any) => one.id)
    expect(await ids(HOOKS)).not.toContain(own.id)
    expect(await ids('/api/v1/webhook-endpoints')).not.toContain(theirs.id)
  })

  test('get events of every organization, by name; those of an organization get only its own', async () => {
    const { body: hook } = await newHook({ events: ['key.created', 'organization.deleted'] })
    const holder = await newKeyHolder()
    const { body: second } = await create(holder.token, { name: 'Second' })
    const body = { confirm_name: 'Second', password: holder.password }
    expect((await call(`DELETE /api/v1/organizations/${second.id}`, { token: holder.token, body })).status).toBe(204)
    const about = new Set<string>([holder.organizationId, second.id])
    const rows = (await sentTo(hook.id)).filter(({ payload }) => about.has(payload.data.organization.id))
    expect(rows.map(({ type, payload }) => [type, payload.data.organization])).toEqual([
      ['key.created', { id: holder.organizationId, external_id: null, name: expect.any(String) }],
      ['organization.deleted', { id: second.id, external_id: null, name: 'Second' }],
    ])
    expect(rows[0]?.payload.data.key.id).toBe(holder.keyId)
    await call(`DELETE ${HOOKS}/${hook.id}`, { token })
  })

  test('are hidden from everybody else', async () => {
    const { token: somebody } = await newUser()
    expect((await call(`GET ${HOOKS}`, { token: somebody })).body.code).toBe('not_found')
    expect((await call(`POST ${HOOKS}`, { token: somebody, body: { url } })).body.code).toBe('not_found')
  })
})
