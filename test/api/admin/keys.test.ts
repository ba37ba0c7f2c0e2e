import { expect, onTestFinished, test, vi } from 'vitest'
import { newKey } from '../../../src/verification/key-format.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const { sql } = directly()
const token = await administrator()
const list = (query: string) => call(`GET /api/v1/admin/keys?limit=100&${query}`, { token })
const lookUp = (key: unknown, as = token) => call('POST /api/v1/admin/keys/lookup', { token: as, body: { key } })
const ids = ({ body }: { body: any }) => body.data.map(({ id }: { id: string }) => id)
const lookUpsOf = (requestId: string) => sql.query('select * from audit_logs where request_id = $1', [requestId])
const hintOf = async (keyId: string) =>
  (await sql.query('select key_hint from api_keys where id = $1', [keyId]))[0]?.key_hint as string

test('keys of all organizations are found by their hint: as shown, with three dots, or by one end', async () => {
  const [one, other] = [await newKeyHolder(), await newKeyHolder()]
  const hint = await hintOf(one.keyId)
  const [start = '', end = ''] = hint.split('…')
  for (const text of [hint, `${start}...${end}`, `${start.slice(0, 9)}…${end}`, end]) {
    const found = ids(await list(`hint=${encodeURIComponent(text)}`))
    expect(found, text).toContain(one.keyId)
    expect(found, text).not.toContain(other.keyId)
  }
  expect(ids(await list(`hint=${start}&organization_id=${one.organizationId}`))).toEqual([one.keyId])
  expect(ids(await list(`hint=${encodeURIComponent(`${start}…zzzz`)}`))).toEqual([])
  for (const text of ['%', '__', '%…%', '\\']) {
    const found = await list(`hint=${encodeURIComponent(text)}&organization_id=${one.organizationId}`)
    expect(found.body.data ?? [], text).toEqual([])
  }
})

test('a whole key in the URL is refused: it is longer than any hint', async () => {
  const { key } = await newKeyHolder()
  const answer = await list(`hint=${key}`)
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'query.hint' }] } })
  expect(JSON.stringify(answer.body)).not.toContain(key)
})

test('keys are found by the start of their name, by organization and by status, page by page', async () => {
  const name = `N${crypto.randomUUID()} 50%_a`
  const older = await newKeyHolder({ name })
  const newer = await newKeyHolder({ name: name.toUpperCase() })
  await call(`DELETE /api/v1/auth/api-keys/${older.keyId}`, { token: older.token })
  const query = `name=${encodeURIComponent(name.toLowerCase())}`
  expect(ids(await list(query))).toEqual([newer.keyId, older.keyId])
  expect(ids(await list(`name=${encodeURIComponent(name.slice(1))}`))).toEqual([])
  expect(ids(await list(`name=${encodeURIComponent(name.replace('50%', '50_'))}`))).toEqual([])
  expect(ids(await list(`${query}&organization_id=${older.organizationId}`))).toEqual([older.keyId])
  expect(ids(await list(`${query}&status=revoked`))).toEqual([older.keyId])
  expect(ids(await list(`${query}&status=active`))).toEqual([newer.keyId])
  const first = (await call(`GET /api/v1/admin/keys?limit=1&${query}`, { token })).body
  const second = (await call(`GET /api/v1/admin/keys?limit=1&${query}&cursor=${first.next_cursor}`, { token })).body
  expect([ids({ body: first }), ids({ body: second }), second.next_cursor]).toEqual([
    [newer.keyId],
    [older.keyId],
    null,
  ])
})

test('looking up a presented key returns its owner, state and last use, and leaves an audit row', async () => {
  const holder = await newKeyHolder({ name: 'Found in a log' })
  await sql.query(
    `insert into api_key_usage (key_id, organization_id, total_requests, last_used_at) values ($1, $2, 7, '2026-11-01T10:00:00Z')`,
    [holder.keyId, holder.organizationId],
  )
  const answer = await lookUp(holder.key)
  expect(answer).toMatchObject({
    status: 200,
    body: {
      id: holder.keyId,
      name: 'Found in a log',
      status: 'active',
      organization: { id: holder.organizationId, plan: 'free', suspended_at: null },
      created_by: holder.user.id,
      total_requests: 7,
      last_used_at: '2026-11-01T10:00:00.000Z',
    },
  })
  expect(await lookUpsOf(answer.headers.get('X-Request-Id') ?? '')).toMatchObject([
    {
      action: 'admin.key_looked_up',
      actor_type: 'administrator',
      organization_id: holder.organizationId,
      target_type: 'key',
      target_id: holder.keyId,
      result: 'success',
    },
  ])
  await call(`DELETE /api/v1/auth/api-keys/${holder.keyId}`, { token: holder.token })
  expect((await lookUp(holder.key)).body).toMatchObject({ id: holder.keyId, status: 'revoked' })
})

test('★ a key that is looked up is in no log line, no audit row and no response, found or not', async () => {
  const lines: string[] = []
  const spies = (['log', 'info', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation((...said) => void lines.push(said.join(' '))),
  )
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
  const { key, token: theirs } = await newKeyHolder()
  const unknown = newKey('ck', 'live')
  const asked = [key, unknown, `${unknown.slice(0, -1)}-`, `${key}x`]
  const answers = [...(await Promise.all(asked.map((one) => lookUp(one)))), await lookUp(key, theirs)]
  const secrets = asked.map((one) => one.slice(12, -8))
  const rows = await Promise.all(answers.map(({ headers }) => lookUpsOf(headers.get('X-Request-Id') ?? '')))
  expect(rows.map((found) => found.length)).toEqual([1, 1, 0, 0, 0])
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(20)
    for (const text of [lines.join('\n'), JSON.stringify(rows), JSON.stringify(answers.map(({ body }) => body))])
      expect(text).not.toContain(secret)
  }
})

test('an unknown key is 404, a malformed one 400 with the name of the field, and both say which it is', async () => {
  const unknown = await lookUp(newKey('ck', 'live'))
  expect(unknown).toMatchObject({
    status: 404,
    body: { code: 'key_not_found', detail: expect.stringContaining('issued here') },
  })
  expect(await lookUpsOf(unknown.headers.get('X-Request-Id') ?? '')).toMatchObject([
    { action: 'admin.key_looked_up', target_id: null, organization_id: null, result: 'failure', detail: {} },
  ])
  const key = newKey('ck', 'live')
  for (const wrong of [key.slice(0, -1), `${key} `, key.replace('live', 'Live'), 'nonsense', 'ck_live_8Q…x9Kd', '', 42])
    expect(await lookUp(wrong), String(wrong)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path: 'body.key' }] },
    })
})

test('the route does not exist for anybody but administrators', async () => {
  const { token: theirs, key } = await newKeyHolder()
  for (const as of [theirs, (await newUser()).token]) {
    expect((await lookUp(key, as)).body.code).toBe('not_found')
    expect((await call('GET /api/v1/admin/keys', { token: as })).body.code).toBe('not_found')
  }
  expect((await lookUp(key, key)).body.code).toBe('user_only')
  expect((await verify(key)).body.valid).toBe(true)
})

test('the responses match the document', async () => {
  const { document, operations } = await openApi()
  const { key, organizationId } = await newKeyHolder()
  const schemaOf = (line: string) =>
    operations.find((one) => one.line === line)?.responses[200]?.content?.['application/json']?.schema ?? {}
  const found = (await list(`organization_id=${organizationId}`)).body
  expect(departures(found, schemaOf('GET /api/v1/admin/keys'), document)).toEqual([])
  expect(departures((await lookUp(key)).body, schemaOf('POST /api/v1/admin/keys/lookup'), document)).toEqual([])
})
