import { describe, expect, test, vi } from 'vitest'
import { JOBS } from '../../../src/jobs/registry.ts'
import { sha256Hex } from '../../../src/lib/bytes.ts'
import { newCustomer, newPeopleless, newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'
import { makeLink, portalMaker, redeem, tokenOf } from '../../support/portal.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const LINE = 'POST /api/v1/portal/sessions'
const INVALID = { status: 400, body: { code: 'portal_link_invalid' } }

const rowsOf = (organizationId: string) =>
  sql.query(`select *, encode(token_hash, 'hex') as hash from portal_sessions where organization_id = $1`, [
    organizationId,
  ])

async function suspend(organizationId: string, suspended: boolean): Promise<void> {
  const body = suspended ? { suspended, reason: 'As agreed' } : { suspended }
  const line = `PUT /api/v1/admin/organizations/${organizationId}/suspension`
  await call(line, { token: await administrator(), body })
}

describe(LINE, () => {
  test('returns a dashboard address that expires after 15 minutes, with the token in the fragment, and stores only its hash', async () => {
    const { organizationId } = await newKeyHolder()
    const before = Date.now()
    const made = await makeLink(organizationId, ['keys:read', 'keys:read'])
    expect([made.status, Object.keys(made.body)]).toEqual([201, ['url', 'expires_at']])
    expect(made.body.url).toMatch(/^https:\/\/tollgate\.test\/dashboard\/portal#token=pt_[\w-]{43}$/)
    const life = Date.parse(made.body.expires_at) - before
    expect(life).toBeGreaterThanOrEqual(15 * 60_000)
    expect(life).toBeLessThan(16 * 60_000)
    const rows = await rowsOf(organizationId)
    expect(rows).toMatchObject([{ hash: sha256Hex(tokenOf(made)), scopes: ['keys:read'], return_url: null }])
    expect(JSON.stringify(rows)).not.toContain(tokenOf(made))
  })

  test('accepts either name of the organization, and refuses two that disagree, and none', async () => {
    const { key: token } = await portalMaker()
    const [mine, other] = [await newCustomer(), await newCustomer()]
    const ask = (names: object) => call(LINE, { token, body: { ...names, scopes: ['usage:read'] } })
    const answers = [
      await ask({ external_id: mine.externalId }),
      await ask({ external_id: mine.externalId, organization_id: mine.organizationId }),
      await ask({ external_id: mine.externalId, organization_id: other.organizationId }),
      await ask({}),
      await ask({ external_id: `nobody-${crypto.randomUUID()}` }),
      await ask({ organization_id: crypto.randomUUID() }),
    ]
    expect(answers.map(({ body }) => body.code)).toEqual([
      undefined,
      undefined,
      'organization_mismatch',
      'organization_unnamed',
      'organization_not_found',
      'organization_not_found',
    ])
  })

  test.each([
    [{ scopes: [] }, 'body.scopes'],
    [{ scopes: ['keys:read', 'keys:everything'] }, 'body.scopes.1'],
    [{ scopes: ['members:write'] }, 'body.scopes.0'],
    [{ scopes: ['billing:write'] }, 'body.scopes.0'],
    [{ scopes: ['platform:verify'] }, 'body.scopes.0'],
    [{ scopes: ['*'] }, 'body.scopes.0'],
    [{}, 'body.scopes'],
    [{ scopes: ['keys:read'], return_url: 'javascript:alert(1)' }, 'body.return_url'],
    [{ scopes: ['keys:read'], return_url: 'http://app.example.com' }, 'body.return_url'],
    [{ scopes: ['keys:read'], return_url: 'https://a:b@app.example.com' }, 'body.return_url'],
    [{ scopes: ['keys:read'], plan: 'pro' }, 'body.plan'],
  ])('%j is refused by name', async (fields, path) => {
    const { key: token } = await portalMaker()
    const { id } = await newPeopleless()
    const answer = await call(LINE, { token, body: { organization_id: id, ...fields } })
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path])
  })

  test('is for service keys with its scope: no administrator, customer or other key may call it', async () => {
    const { organizationId, key, token } = await newKeyHolder()
    const body = { organization_id: organizationId, scopes: ['keys:read'] }
    const ask = async (credential: string) => {
      const answer = await call(LINE, { token: credential, body })
      return [answer.status, answer.body.code]
    }
    expect(await ask(await administrator())).toEqual([403, 'service_key_only'])
    expect(await ask(token)).toEqual([404, 'not_found'])
    expect(await ask(key)).toEqual([403, 'user_only'])
    expect(await ask((await newServiceKey('platform:keys:*')).key)).toEqual([403, 'forbidden'])
    const [platform] = await sql.query('select id from organizations where is_platform')
    expect((await makeLink(platform?.id as string, ['keys:read'])).status).toBe(403)
    await suspend(organizationId, true)
    expect(await ask((await portalMaker()).key)).toEqual([403, 'organization_suspended'])
    expect(await rowsOf(organizationId)).toEqual([])
  })

  test('is audited with the key and the person it acts for', async () => {
    const { id, key: token } = await newServiceKey('platform:portal')
    const { organizationId } = await newKeyHolder()
    const body = { organization_id: organizationId, scopes: ['keys:read'] }
    const made = await call(LINE, { token, body, headers: { 'Tollgate-Actor': 'ada' } })
    await redeem(tokenOf(made))
    const rows = await sql.query(
      `select action, actor_type, actor_id, detail->>'on_behalf_of' as person from audit_logs
       where organization_id = $1 and action like 'portal.%' order by id`,
      [organizationId],
    )
    expect(rows).toEqual([
      { action: 'portal.session_created', actor_type: 'service', actor_id: id, person: 'ada' },
      { action: 'portal.session_redeemed', actor_type: 'portal', actor_id: id, person: 'ada' },
    ])
  })
})

describe('POST /api/v1/portal/redeem', () => {
  test('exchanges the token for access to the organization with the scopes of the link', async () => {
    const { organizationId } = await newKeyHolder()
    const return_url = 'https://app.example.com/settings?tab=keys'
    const answer = await redeem(tokenOf(await makeLink(organizationId, ['keys:read', 'usage:read'], { return_url })))
    expect(answer).toMatchObject({
      status: 200,
      body: {
        token_type: 'bearer',
        organization_id: organizationId,
        scopes: ['keys:read', 'usage:read'],
        return_url,
        branding: { name: null, color: null, logo_url: null },
      },
    })
    expect(answer.body.expires_in).toBeLessThanOrEqual(24 * 3600)
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
  })

  test('works for a service key with every scope', async () => {
    const [{ key }, { organizationId }] = [await newServiceKey('platform:*'), await newKeyHolder()]
    expect((await redeem(tokenOf(await makeLink(organizationId, ['keys:read'], { key })))).status).toBe(200)
  })

  test('works once, even for many concurrent requests', async () => {
    const { organizationId } = await newKeyHolder()
    const token = tokenOf(await makeLink(organizationId, ['keys:read']))
    const answers = await Promise.all(Array.from({ length: 6 }, () => redeem(token)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400, 400, 400])
    expect(await redeem(token)).toMatchObject(INVALID)
  })

  test('refuses a malformed token, and an expired one', async () => {
    const { organizationId } = await newKeyHolder()
    const token = tokenOf(await makeLink(organizationId, ['keys:read']))
    await sql.query(`update portal_sessions set expires_at = now() - interval '1 second' where organization_id = $1`, [
      organizationId,
    ])
    for (const refused of [token, 'pt_nobody', 'x']) expect(await redeem(refused)).toMatchObject(INVALID)
    expect((await redeem(token, { more: 1 })).body.errors).toMatchObject([{ path: 'body.more' }])
  })

  test('refuses the token while the organization is suspended, and once it is deleted', async () => {
    const { id } = await newPeopleless()
    const [first, second] = [await makeLink(id, ['keys:read']), await makeLink(id, ['keys:read'])]
    await suspend(id, true)
    expect(await redeem(tokenOf(first))).toMatchObject(INVALID)
    await suspend(id, false)
    expect((await redeem(tokenOf(first))).status).toBe(200)
    const deleted = await call(`DELETE /api/v1/admin/organizations/${id}`, { token: await administrator() })
    expect(deleted.status).toBe(204)
    expect(await redeem(tokenOf(second))).toMatchObject(INVALID)
  })

  test.each([
    ['revoked', `update api_keys set revoked_at = now(), version = version + 1 where id = $1`],
    ['disabled', `update api_keys set is_active = false, version = version + 1 where id = $1`],
    ['expired', `update api_keys set expires_at = now(), version = version + 1 where id = $1`],
    ['left without its scope', `update api_keys set scopes = '{platform:verify}', version = version + 1 where id = $1`],
  ])('refuses a link whose service key is %s', async (_, change) => {
    const { id, key } = await newServiceKey('platform:portal')
    const { organizationId } = await newKeyHolder()
    const link = await makeLink(organizationId, ['keys:read'], { key })
    await sql.query(change, [id])
    expect(await redeem(tokenOf(link))).toMatchObject(INVALID)
  })

  test("is limited by the caller's address", async () => {
    const ip = '203.0.113.77'
    const ask = () => call('POST /api/v1/portal/redeem', { ip, body: { token: 'pt_guess' } })
    const statuses = new Set<number>()
    for (let sent = 0; sent < 61; sent++) statuses.add((await ask()).status)
    expect([...statuses]).toEqual([400, 429])
  })
})

test('a link is pruned a day after its expiry, used or not', async () => {
  const { organizationId } = await newKeyHolder()
  for (const hours of [25, 23]) {
    await makeLink(organizationId, ['keys:read'])
    await sql.query(
      `update portal_sessions set expires_at = now() - $2 * interval '1 hour'
       where organization_id = $1 and expires_at > now()`,
      [organizationId, hours],
    )
  }
  await JOBS.find(({ name }) => name === 'prune')?.run(directly(), Date.now())
  expect(await rowsOf(organizationId)).toHaveLength(1)
})
