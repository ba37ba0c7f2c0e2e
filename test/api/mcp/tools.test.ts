import { describe, expect, test, vi } from 'vitest'
import { newCustomer, newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, registeredUser, verify } from '../../support/http.ts'
import { newAgent } from '../../support/mcp.ts'
import { untilRefused } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const OF_ANY_KEY = ['list_quotas', 'get_usage_summary', 'get_credits', 'list_public_plans']
const OF_KEYS = ['list_api_keys', 'get_api_key', 'get_api_key_limits']
const CHANGES = ['issue_api_key', 'update_api_key', 'revoke_api_key', 'resend_webhook_delivery', 'send_test_webhook']
const OF_OPERATORS = ['get_overview', 'list_all_organizations', 'list_users', 'inspect_request']

describe('the tools of a credential', () => {
  test('are, for a plain key, those that read usage, limits and plans', async () => {
    const { key } = await newKeyHolder()
    const tools = await (await newAgent(key)).tools()
    expect(tools).toEqual(expect.arrayContaining(OF_ANY_KEY))
    for (const name of [...OF_KEYS, ...CHANGES, ...OF_OPERATORS, 'list_members', 'get_profile'])
      expect(tools).not.toContain(name)
  })

  test('include, for a key with scopes, those of its scopes', async () => {
    const { key } = await newKeyHolder({ scopes: ['tollgate:keys:read', 'tollgate:keys:write'] })
    const tools = await (await newAgent(key)).tools()
    expect(tools).toEqual(expect.arrayContaining([...OF_ANY_KEY, ...OF_KEYS, 'issue_api_key', 'revoke_api_key']))
    for (const name of [...OF_OPERATORS, 'send_test_webhook', 'list_audit_logs']) expect(tools).not.toContain(name)
  })

  test('are all but the operator’s for an owner, and all for an administrator', async () => {
    const owner = await (await newAgent((await newUser()).token)).tools()
    expect(owner).toEqual(
      expect.arrayContaining([...OF_ANY_KEY, ...OF_KEYS, ...CHANGES, 'list_members', 'get_profile']),
    )
    for (const name of OF_OPERATORS) expect(owner).not.toContain(name)
    const all = await (await newAgent(await administrator())).tools()
    expect(all).toEqual(expect.arrayContaining([...owner, ...OF_OPERATORS]))
  })

  test('are those of its scopes for a service key', async () => {
    const { key } = await newServiceKey('platform:usage:read', 'platform:organizations:read')
    const tools = await (await newAgent(key)).tools()
    expect(tools).toEqual(expect.arrayContaining(['list_quotas', 'list_all_organizations', 'inspect_request']))
    for (const name of [...OF_KEYS, ...CHANGES, 'list_users', 'get_overview']) expect(tools).not.toContain(name)
  })

  test('have names, descriptions and complete schemas that every client accepts', async () => {
    const { client } = await newAgent(await administrator())
    const { tools } = await client.listTools()
    for (const { name, description, inputSchema, annotations } of tools) {
      expect(name).toMatch(/^[a-z_]{3,40}$/)
      expect(description).toMatch(/^[A-Z].*\.$/s)
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(JSON.stringify(inputSchema)).not.toContain('$ref')
      expect(annotations?.readOnlyHint).toBe(!CHANGES.includes(name))
    }
    expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length)
    for (const tool of tools) expect(JSON.stringify(tool).length).toBeLessThan(6_000) // a model reads each of them each time
    expect(tools.find(({ name }) => name === 'revoke_api_key')?.annotations?.destructiveHint).toBe(true)
  })

  test('take no organization id if the caller is a key, which has only one', async () => {
    const { key, token } = await newKeyHolder()
    const find = async (credential: string) => {
      const { tools } = await (await newAgent(credential)).client.listTools()
      return Object.keys(tools.find(({ name }) => name === 'list_quotas')?.inputSchema.properties ?? {})
    }
    expect(await find(key)).toEqual([])
    expect(await find(token)).toEqual(['organization_id', 'external_id'])
  })

  test('leave out the ones that change something if the address asks for that', async () => {
    const { token } = await newUser()
    const agent = await newAgent(token, { query: '?read_only=true' })
    const tools = await agent.tools()
    for (const name of CHANGES) expect(tools).not.toContain(name)
    await expect(agent.call('issue_api_key', { name: 'No' })).rejects.toThrow(
      /issue_api_key is not for this credential/,
    )
  })
})

describe('a tool that reads', () => {
  test('returns what the API returns', async () => {
    const { key } = await newKeyHolder()
    const { body } = await call('GET /api/v1/quotas', { token: key })
    const told = await (await newAgent(key)).call('list_quotas')
    expect(told.isError).toBe(false)
    expect(told.body.data ?? told.body).toEqual(body.data ?? body)
  })

  test('pages and filters by its arguments, with numbers and texts alike', async () => {
    const holder = await newKeyHolder()
    for (const name of ['Second', 'Third']) await newKeyHolder({ name }, holder)
    const agent = await newAgent(holder.token)
    const first = await agent.call('list_api_keys', { limit: 2 })
    expect(first.body.data).toHaveLength(2)
    const rest = await agent.call('list_api_keys', { limit: '2', cursor: first.body.next_cursor })
    expect(rest.body.data.map(({ name }: { name: string }) => name)).toEqual(['Key of a test'])
  })

  test('names each wrong argument, and suggests the nearest name', async () => {
    const { token } = await newUser()
    const agent = await newAgent(token)
    const unknown = await agent.call('list_api_keys', { limt: 5 })
    expect(unknown).toMatchObject({ isError: true, body: { code: 'invalid_request' } })
    expect(unknown.text).toContain('unknown argument `limt`; did you mean `limit`?')
    const missing = await agent.call('get_api_key')
    expect(missing.body.errors).toEqual([{ path: 'arguments.id', message: 'is required' }])
    const odd = await agent.call('issue_api_key', { name: 'A key', idempotency_key: 'пять' })
    expect(odd.body.errors).toEqual([
      { path: 'arguments.idempotency_key', message: 'must be text of visible ASCII characters' },
    ])
    const wrong = await agent.call('list_api_keys', { limit: 1_000 })
    expect(wrong.body.errors[0].path).toBe('query.limit')
    const nested = await agent.call('list_api_keys', { limit: { gt: 1 } })
    expect(nested.body.errors[0].path).toBe('arguments.limit')
  })

  test.each(['', '.', '..'])('cannot be led to another path by the id %j', async (id) => {
    const { token } = await newUser()
    const told = await (await newAgent(token)).call('get_api_key', { id })
    expect(told.body.errors).toEqual([{ path: 'arguments.id', message: 'cannot be part of an address' }])
  })

  test.each(['../me', '%2e%2e', 'a/b', 'a?b=c'])('treats %j as an id', async (id) => {
    const { token } = await newUser()
    const told = await (await newAgent(token)).call('get_api_key', { id })
    expect(told.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'path.id' }] })
  })

  test('finds nothing of another organization', async () => {
    const theirs = await newKeyHolder()
    const agent = await newAgent((await newUser()).token)
    expect((await agent.call('get_api_key', { id: theirs.keyId })).body.code).toBe('key_not_found')
    const named = await agent.call('list_quotas', { organization_id: theirs.organizationId })
    expect(named.body.code).toBe('organization_not_found')
  })

  test('shows a back end whichever customer it names', async () => {
    const customer = await newCustomer()
    const { key } = await newServiceKey('platform:keys:read')
    const agent = await newAgent(key)
    const told = await agent.call('list_api_keys', { external_id: customer.externalId })
    expect(told.body.data[0].id).toBe(customer.keyId)
    expect((await agent.call('list_api_keys')).body.code).toBe('organization_unnamed')
  })
})

describe('a tool that changes something', () => {
  test('issues one key, however often it is repeated with the same idempotency key', async () => {
    const { key } = await newKeyHolder({ scopes: ['tollgate:keys:read', 'tollgate:keys:write'] })
    const agent = await newAgent(key)
    const args = { name: 'Of an agent', idempotency_key: crypto.randomUUID() }
    const [first, again] = [await agent.call('issue_api_key', args), await agent.call('issue_api_key', args)]
    expect(again.body).toEqual(first.body)
    expect((await verify(first.body.key)).body.valid).toBe(true)
    const { body } = await agent.call('list_api_keys')
    expect(body.data.filter(({ name }: { name: string }) => name === 'Of an agent')).toHaveLength(1)
  })

  test('gives a key no more than the caller has', async () => {
    const { key } = await newKeyHolder({ scopes: ['tollgate:keys:write'] })
    const told = await (await newAgent(key)).call('issue_api_key', { name: 'More', scopes: ['tollgate:audit:read'] })
    expect(told).toMatchObject({ isError: true, body: { status: 403 } })
  })

  test.each(['update_api_key', 'revoke_api_key'])('%s leaves a key of another name alone', async (tool) => {
    const holder = await newKeyHolder()
    const agent = await newAgent(holder.token)
    const more = tool === 'update_api_key' ? { is_active: false } : {}
    const unsaid = await agent.call(tool, { id: holder.keyId, ...more })
    expect(unsaid.body.errors).toEqual([{ path: 'arguments.confirm_name', message: 'is required' }])
    const wrong = await agent.call(tool, { id: holder.keyId, confirm_name: 'Another', ...more })
    expect(wrong.body.errors[0].path).toBe('arguments.confirm_name')
    expect((await verify(holder.key)).body.valid).toBe(true)
  })

  test('changes and revokes the named key', async () => {
    const holder = await newKeyHolder()
    const agent = await newAgent(holder.token)
    const changed = await agent.call('update_api_key', {
      id: holder.keyId,
      confirm_name: 'Key of a test',
      name: 'Renamed',
    })
    expect(changed.body.name).toBe('Renamed')
    const revoked = await agent.call('revoke_api_key', { id: holder.keyId, confirm_name: 'Renamed' })
    expect(revoked.isError).toBe(false)
    await untilRefused(holder.key)
  })

  test('takes a name whose quotes and spaces a model has written in its own way', async () => {
    const holder = await newKeyHolder()
    const agent = await newAgent(holder.token)
    const named = { id: holder.keyId, confirm_name: 'Key of a test' }
    await agent.call('update_api_key', { ...named, name: 'Ada\u2019s  \u200Bkey' })
    const changed = await agent.call('update_api_key', { ...named, confirm_name: "Ada's key", name: 'Renamed' })
    expect(changed.body.name).toBe('Renamed')
  })

  test('is recorded under the caller, and the person a back end names', async () => {
    const customer = await newCustomer()
    const service = await newServiceKey('platform:keys:read', 'platform:keys:write', 'platform:audit:read')
    const agent = await newAgent(service.key, { headers: { 'Tollgate-Actor': 'ann@example.com' } })
    await agent.call('issue_api_key', { name: 'By an agent', external_id: customer.externalId })
    const { body } = await agent.call('list_audit_logs', { external_id: customer.externalId, action: 'key.issued' })
    expect(body.data[0]).toMatchObject({ actor: { id: service.id }, detail: { on_behalf_of: 'ann@example.com' } })
  })

  test('reads the plans for a back end that names a person', async () => {
    const { key } = await newServiceKey('platform:keys:read')
    const agent = await newAgent(key, { headers: { 'Tollgate-Actor': 'ann@example.com' } })
    expect(await agent.call('list_public_plans')).toMatchObject({ isError: false, body: { data: expect.any(Array) } })
  })

  test('is recorded with the address that a back end names', async () => {
    const { token, user } = await newUser()
    const { key } = await newServiceKey('platform:users:write')
    const headers = { 'Tollgate-Client-IP': '2001:db8:7::9', 'Tollgate-Service-Key': key }
    await (await newAgent(token, { headers })).call('issue_api_key', { name: 'By an agent' })
    const [row] = await directly().sql.query(
      `select ip from audit_logs where organization_id = $1 and action = 'key.issued'`,
      [user.organization_id],
    )
    expect(row?.ip).toBe('2001:db8:7::9')
  })

  test('is refused in a support session', async () => {
    const person = await registeredUser()
    const { body } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'To see what they see' },
    })
    const told = await (await newAgent(body.access_token)).call('issue_api_key', { name: 'No' })
    expect(told.body.code).toBe('forbidden_while_impersonating')
  })
})
