import { describe, expect, test } from 'vitest'
import { failFor } from '../../support/faults.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { countQueryRounds } from '../../support/query-rounds.ts'

const issue = (token: string, idempotencyKey: string, body: unknown = { name: 'Once' }) =>
  call('POST /api/v1/auth/api-keys', { token, body, headers: { 'Idempotency-Key': idempotencyKey } })

async function keysOf(token: string): Promise<unknown[]> {
  return (await call('GET /api/v1/auth/api-keys', { token })).body.data
}

test('a repeat with the same key and body gets the first response, and nothing is created twice', async () => {
  const { token } = await newUser()
  const first = await issue(token, 'a')
  const repeat = await issue(token, 'a')
  expect(first.status).toBe(201)
  expect(repeat.status).toBe(201)
  expect(repeat.body).toEqual(first.body)
  expect(repeat.headers.get('Idempotent-Replayed')).toBe('true')
  expect(await keysOf(token)).toHaveLength(1)
})

test('issuing a key takes three database round trips, and a fourth if it may be repeated', async () => {
  const { token } = await newUser()
  const plain = await countQueryRounds(() => call('POST /api/v1/auth/api-keys', { token, body: { name: 'Plain' } }))
  const repeatable = await countQueryRounds(() => issue(token, 'rounds'))
  expect([plain.result.status, repeatable.result.status]).toEqual([201, 201])
  expect([plain.rounds, repeatable.rounds]).toEqual([3, 4])
})

test('of ten concurrent requests one is executed; the others get its response', async () => {
  const { token } = await newUser()
  const answers = await Promise.all(Array.from({ length: 10 }, () => issue(token, 'b')))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201))
  expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1)
  expect(await keysOf(token)).toHaveLength(1)
})

test('the same key with another body is refused as a mistake', async () => {
  const { token } = await newUser()
  await issue(token, 'c')
  const { status, body } = await issue(token, 'c', { name: 'Another' })
  expect(status).toBe(422)
  expect(body.code).toBe('idempotency_key_reused')
})

test('a failed request may be retried with the same key', async () => {
  const { token } = await newUser()
  const refused = await issue(token, 'd', { name: 'Too much', custom_rate_limit: 1_000_000 })
  expect(refused.status).toBe(403)
  expect((await issue(token, 'd')).status).toBe(201)
})

test('the same key of another user is a different key', async () => {
  const [one, other] = [await newUser(), await newUser()]
  const [first, second] = [await issue(one.token, 'e'), await issue(other.token, 'e')]
  expect(second.status).toBe(201)
  expect(second.body.key).not.toBe(first.body.key)
})

/** Sends a request that takes effect but whose database response is lost, then repeats it. */
async function repeatAfterLoss(line: string, token: string, body: Record<string, unknown>, mark: string | string[]) {
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  await failFor(mark, { door: 'sql', kind: 'reset_after', count: 1 })
  const lost = await call(line, { token, body, headers })
  const repeat = await call(line, { token, body, headers })
  return { lost, repeat, again: await call(line, { token, body, headers }) }
}

describe('an answer that was lost after its effect is given to the repeat:', () => {
  test('issuing creates one key, and the caller gets it', async () => {
    const { token } = await newUser()
    const name = `Lost ${crypto.randomUUID()}`
    const { lost, repeat, again } = await repeatAfterLoss('POST /api/v1/auth/api-keys', token, { name }, name)
    expect(lost.status).toBe(503)
    expect(repeat.status).toBe(201)
    expect(again.body).toEqual(repeat.body)
    expect((await verify(repeat.body.key)).body.code).toBe('VALID')
    expect(await keysOf(token)).toHaveLength(1)
    const shown = await call(`GET /api/v1/auth/api-keys/${repeat.body.id}`, { token })
    expect(repeat.body).toEqual({ ...shown.body, key: repeat.body.key, total_requests: 0, last_used_at: null })
  })

  test('rotating revokes the old key everywhere, and the caller gets the new one', async () => {
    const { token, key, keyId } = await newKeyHolder({ scopes: ['a:b'], metadata: { a: 1 } })
    expect((await verify(key)).body.code).toBe('VALID')
    const body = { grace_period_seconds: 0 }
    const line = `POST /api/v1/auth/api-keys/${keyId}/rotate`
    const { lost, repeat } = await repeatAfterLoss(line, token, body, [keyId, 'key.rotated'])
    expect(lost.status).toBe(503)
    expect(repeat.status).toBe(201)
    expect((await verify(key)).body.code).toBe('REVOKED')
    expect((await verify(repeat.body.key)).body.code).toBe('VALID')
    const shown = await call(`GET /api/v1/auth/api-keys/${repeat.body.id}`, { token })
    expect(shown.body).toMatchObject({ rotated_from: keyId, scopes: ['a:b'], created_at: repeat.body.created_at })
  })

  test('creating an organization creates one', async () => {
    const { token } = await newUser()
    const name = `Lost ${crypto.randomUUID()}`
    const { lost, repeat } = await repeatAfterLoss('POST /api/v1/organizations', token, { name }, name)
    expect(lost.status).toBe(503)
    expect(repeat.status).toBe(201)
    const { body } = await call('GET /api/v1/organizations', { token })
    expect(body.data.filter((one: { name: string }) => one.name === name)).toEqual([repeat.body])
  })

  test('inviting sends one invitation', async () => {
    const { token, user } = await newUser()
    const email = `invited-${crypto.randomUUID()}@example.com`
    const line = `POST /api/v1/organizations/${user.organization_id}/invitations`
    const { lost, repeat } = await repeatAfterLoss(line, token, { email, role: 'member' }, [
      email,
      'insert into \\"invitations',
    ])
    expect(lost.status).toBe(503)
    expect(repeat.status).toBe(201)
    const { body } = await call(line.replace('POST', 'GET'), { token })
    expect(body.data).toEqual([repeat.body])
  })

  test('a webhook endpoint is created once and its secret rotated once, and the caller gets the secrets', async () => {
    const { token } = await newUser()
    const url = `https://${crypto.randomUUID()}.example.com/hook`
    const made = await repeatAfterLoss('POST /api/v1/webhook-endpoints', token, { url, events: [] }, url)
    expect(made.lost.status).toBe(503)
    expect(made.repeat.status).toBe(201)
    const { body } = await call('GET /api/v1/webhook-endpoints', { token })
    expect(body.data).toEqual([{ ...made.repeat.body, secret: undefined }])
    const line = `POST /api/v1/webhook-endpoints/${made.repeat.body.id}/rotate-secret`
    const rotated = await repeatAfterLoss(line, token, {}, [made.repeat.body.id, 'webhook_endpoint.secret_rotated'])
    expect(rotated.lost.status).toBe(503)
    expect(rotated.repeat.body.secret).toMatch(/^whsec_/)
    expect(rotated.again.body).toEqual(rotated.repeat.body)
  })

  test('a test event is sent once, and an event is redelivered once', async () => {
    const { token } = await newUser()
    const url = `https://${crypto.randomUUID()}.example.com/hook`
    const { body: endpoint } = await call('POST /api/v1/webhook-endpoints', { token, body: { url, events: [] } })
    const deliveries = `/api/v1/webhook-endpoints/${endpoint.id}/deliveries`
    const line = `POST /api/v1/webhook-endpoints/${endpoint.id}/test`
    const { lost, repeat, again } = await repeatAfterLoss(line, token, {}, [endpoint.id, 'webhook_endpoint.tested'])
    expect([lost.status, repeat.status]).toEqual([503, 202])
    expect(again.body).toEqual(repeat.body)
    const sent = async () => (await call(`GET ${deliveries}`, { token })).body.data
    expect((await sent()).map(({ id }: { id: string }) => id)).toEqual([repeat.body.id])
    expect(repeat.body).toMatchObject({ type: 'webhook.test', state: 'pending', attempts: 0 })
    const once = `POST ${deliveries}/${repeat.body.id}/resend`
    const resent = await repeatAfterLoss(once, token, {}, [endpoint.id, 'webhook_endpoint.event_resent'])
    expect([resent.lost.status, resent.repeat.status]).toEqual([503, 202])
    expect(resent.again.body).toEqual(resent.repeat.body)
    const { body: acts } = await call('GET /api/v1/audit-logs', { token })
    const actions = acts.data.map(({ action }: { action: string }) => action)
    for (const action of ['webhook_endpoint.tested', 'webhook_endpoint.event_resent'])
      expect(
        actions.filter((one: string) => one === action),
        action,
      ).toHaveLength(1)
  })

  test('a plan is created once', async () => {
    const token = await administrator()
    const id = `p${crypto.randomUUID().slice(0, 8)}`
    const limits = { rate_limit_per_minute: 60, max_api_keys: 1, meters: {} }
    const name = `Lost ${crypto.randomUUID()}`
    const body = { id, name, prices: [], limits, is_public: false }
    const { lost, repeat } = await repeatAfterLoss('POST /api/v1/admin/plans', token, body, [
      name,
      'admin.plan_created',
    ])
    expect(lost.status).toBe(503)
    expect(repeat.body).toEqual((await call(`GET /api/v1/admin/plans/${id}`, { token })).body)
    await call(`DELETE /api/v1/admin/plans/${id}`, { token })
  })
})

test('an equal request that is refused because the first one was faster gets the response of the first', async () => {
  const { token, keyId } = await newKeyHolder()
  const rotate = () =>
    call(`POST /api/v1/auth/api-keys/${keyId}/rotate`, { token, body: {}, headers: { 'Idempotency-Key': 'at once' } })
  const answers = await Promise.all(Array.from({ length: 6 }, rotate))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 201))
  expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1)
})

test('an empty or overlong key is refused by name', async () => {
  const { token } = await newUser()
  const { status, body } = await issue(token, 'x'.repeat(256))
  expect(status).toBe(400)
  expect(body.errors[0].path).toBe('header.Idempotency-Key')
  expect((await issue(token, 'x'.repeat(255))).status).toBe(201)
})

test('a stored response that cannot be decrypted is a problem of its own, and nothing is created twice', async () => {
  const { token } = await newUser()
  const named = { name: `Sealed ${crypto.randomUUID()}` }
  await issue(token, 'sealed before', named)
  const { sql } = (await newIsolate()).deps()
  const hide = "update idempotency_keys set response = decode('01', 'hex') || response where request_hash = sha256($1)"
  await sql.query(hide, [JSON.stringify(named)])
  const { status, body } = await issue(token, 'sealed before', named)
  expect([status, body.code]).toEqual([409, 'answer_unreadable'])
  expect(await keysOf(token)).toHaveLength(1)
})

test('the database holds no secret of a stored response', async () => {
  const { token } = await newUser()
  const { body } = await issue(token, `f-${crypto.randomUUID()}`)
  const isolate = await newIsolate()
  const rows = await isolate
    .deps()
    .sql.query('select encode(response, $1) as kept from idempotency_keys where response is not null', ['escape'])
  expect(rows.length).toBeGreaterThan(0)
  expect(rows.some(({ kept }) => String(kept).includes(body.key) || String(kept).includes('"key"'))).toBe(false)
})
