import * as openid from 'openid-client'
import { describe, expect, test, vi } from 'vitest'
import { readUserCode } from '../../../src/oauth/devices/user-code.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser, registeredUser, verify } from '../../support/http.ts'
import { resetToken } from '../../support/mail.ts'
import { fetchIt } from '../../support/mcp.ts'
import { activeOrganization, newApplication, post } from '../../support/oauth.ts'
import { addMember } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

const newTelevision = (metadata: object = {}) =>
  newApplication({
    client_name: 'Television',
    redirect_uris: [],
    grant_types: [DEVICE, 'refresh_token'],
    response_types: [],
    ...metadata,
  })

/** A device that waits, and how it asks. */
async function waiting(fields: Record<string, string> = {}, metadata: object = {}) {
  const { client_id } = await newTelevision(metadata)
  const { body } = await post('device_authorization', { client_id, scope: 'reports:read reports:write', ...fields })
  const ask = () => post('token', { grant_type: DEVICE, client_id, device_code: body.device_code })
  /** Asks as if enough time had gone by. */
  const askLater = async () => {
    await directly().sql.query('update oauth_devices set asked_at = null where user_code = $1', [
      readUserCode(body.user_code),
    ])
    return ask()
  }
  return { client_id, ...body, ask, askLater } as {
    client_id: string
    user_code: string
    device_code: string
    ask: typeof ask
    askLater: typeof ask
  }
}

const decide = async (by: { readonly token: string }, user_code: string, more: object = {}) =>
  call('POST /api/v1/auth/devices/decide', {
    token: by.token,
    body: { user_code, for: await activeOrganization(by), decision: 'approve', ...more },
  })

describe('a device', () => {
  test('with openid-client asks, waits, and gets tokens once its person has agreed', async () => {
    const person = await newUser()
    const { client_id } = await newTelevision()
    const options = { [openid.customFetch]: fetchIt, algorithm: 'oauth2' } as openid.DiscoveryRequestOptions
    const config = await openid.discovery(new URL('https://tollgate.test'), client_id, {}, openid.None(), options)
    const asked = await openid.initiateDeviceAuthorization(config, { scope: 'reports:read' })
    expect(asked).toMatchObject({ verification_uri: 'https://tollgate.test/device', expires_in: 900, interval: 5 })
    expect(asked.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    expect(asked.verification_uri_complete).toBe(`https://tollgate.test/device?user_code=${asked.user_code}`)
    expect((await decide(person, asked.user_code)).status).toBe(204)
    const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...asked, interval: 0 })
    expect(tokens.scope).toBe('reports:read')
    expect((await verify(tokens.access_token, { scopes: ['reports:read'] })).body.valid).toBe(true)
    const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect((await verify(renewed.access_token)).body.valid).toBe(true)
  })

  test('leads its person to a page of the dashboard, with the code', async () => {
    const { status, headers } = await call('GET /device?user_code=BCDF-GHJK')
    expect([status, headers.get('Location')]).toEqual([302, '/dashboard/device?user_code=BCDF-GHJK'])
  })

  test('waits until somebody decides, and longer if it polls too often', async () => {
    const { ask, askLater } = await waiting()
    expect((await ask()).body.error).toBe('authorization_pending')
    expect((await ask()).body).toEqual({ error: 'slow_down', error_description: 'Ask every 10 s.' })
    expect((await ask()).body.error_description).toBe('Ask every 15 s.')
    expect((await askLater()).body.error).toBe('authorization_pending')
  })

  test('learns that its person declined, or that its code expired', async () => {
    const [denied, late] = [await waiting(), await waiting()]
    expect((await decide(await newUser(), denied.user_code, { decision: 'deny' })).status).toBe(204)
    expect((await denied.ask()).body.error).toBe('access_denied')
    await directly().sql.query(
      `update oauth_devices set expires_at = now() - interval '1 second' where user_code = $1`,
      [readUserCode(late.user_code)],
    )
    expect((await late.ask()).body.error).toBe('expired_token')
    expect((await decide(await newUser(), late.user_code)).body.code).toBe('device_code_unknown')
  })

  test('is decided about once: its person can repeat the same decision, and nobody else can', async () => {
    const [person, { user_code }, denied] = [await newUser(), await waiting(), await waiting()]
    expect([(await decide(person, user_code)).status, (await decide(person, user_code)).status]).toEqual([204, 204])
    const no = { decision: 'deny' }
    for (const later of [await decide(person, user_code, no), await decide(await newUser(), user_code)])
      expect(later.body.code).toBe('device_code_unknown')
    const twice = await Promise.all([decide(person, denied.user_code, no), decide(person, denied.user_code, no)])
    expect(twice.map(({ status }) => status)).toEqual([204, 204])
    await directly().sql.query(
      `update oauth_devices set expires_at = now() - interval '1 second' where user_code = $1`,
      [readUserCode(user_code)],
    )
    expect((await decide(person, user_code)).body.code).toBe('device_code_unknown')
  })

  test('gets the same tokens again if the response was lost, until it has refreshed them', async () => {
    const { client_id, user_code, ask } = await waiting()
    await decide(await newUser(), user_code)
    const [first, again] = await Promise.all([ask(), ask()])
    expect(first.status).toBe(200)
    expect(again.body).toMatchObject({ access_token: first.body.access_token, refresh_token: first.body.refresh_token })
    await post('token', { grant_type: 'refresh_token', client_id, refresh_token: first.body.refresh_token })
    expect((await ask()).body.error).toBe('invalid_grant')
  })

  test('gets nothing if its person no longer has the right, and nothing with another application’s code', async () => {
    const person = await newUser()
    const { user_code, device_code, ask } = await waiting()
    const other = await newTelevision()
    const stolen = await post('token', { grant_type: DEVICE, client_id: other.client_id, device_code })
    expect(stolen.body.error).toBe('invalid_grant')
    await decide(person, user_code)
    await directly().sql.query('update users set is_active = false where id = $1', [person.user.id])
    expect((await ask()).body.error).toBe('invalid_grant')
    expect((await ask()).body.error).toBe('invalid_grant')
  })

  test('gets a timely decision even a little later, but not forever', async () => {
    const { user_code, ask } = await waiting()
    await decide(await newUser(), user_code)
    const expire = (ago: string) =>
      directly().sql.query('update oauth_devices set expires_at = now() - $2::interval where user_code = $1', [
        readUserCode(user_code),
        ago,
      ])
    await expire('9 minutes')
    expect((await ask()).status).toBe(200)
    await expire('11 minutes')
    expect((await ask()).body.error).toBe('expired_token')
  })

  test.each([
    ['is disabled', (id: string) => `POST /api/v1/admin/users/${id}/disable`],
    [
      'leaves the organization',
      (_: string, organization: string) => `DELETE /api/v1/organizations/${organization}/members/{id}`,
    ],
  ])('gets nothing if its person %s before it asks, even if they are back', async (_, line) => {
    const [person, owner] = [await newUser(), await newUser()]
    const organization = owner.user.organization_id as string
    await addMember(organization, person.user.id, 'member')
    const { sql } = directly()
    await sql.query('update sessions set organization_id = $1 where user_id = $2', [organization, person.user.id])
    const { user_code, ask } = await waiting()
    expect((await decide(person, user_code)).status).toBe(204)
    const said = line(person.user.id, organization).replace('{id}', person.user.id)
    const token = said.includes('/admin/') ? await administrator() : owner.token
    await call(said, { token, ...(said.startsWith('POST') && { body: {} }) })
    await sql.query('update users set is_active = true where id = $1', [person.user.id])
    await sql.query(
      `insert into memberships (organization_id, user_id, role) values ($1, $2, 'member') on conflict do nothing`,
      [organization, person.user.id],
    )
    expect((await ask()).body.error).toBe('invalid_grant')
  })

  test('gets nothing from a stranger’s consent once the owner of the address resets the password', async () => {
    const stranger = await registeredUser()
    const { user_code, ask } = await waiting()
    expect((await decide(stranger, user_code)).status).toBe(204)
    const token = await resetToken(stranger.email)
    const body = { token, new_password: 'seven purple lanterns' }
    expect((await call('POST /api/v1/auth/password/reset/confirm', { body })).status).toBe(204)
    expect((await ask()).body.error).toBe('invalid_grant')
  })

  test.each(['a\0b', '\ud800', 'nobody', "' or 1=1"])('with the client_id %j is refused', async (client_id) => {
    expect((await post('device_authorization', { client_id })).body.error).toBe('invalid_client')
    expect((await post('token', { grant_type: DEVICE, client_id })).body.error).toBe('invalid_client')
  })

  test('cannot name a resource with an invalid address', async () => {
    const { client_id } = await newTelevision()
    for (const resource of ['https://a.example/\0', 'https://a.example/#part', 'mailto:a@example.com'])
      expect((await post('device_authorization', { client_id, resource })).body.error).toBe('invalid_target')
  })

  test('asks only if its application allows it, and for existing scopes', async () => {
    const { client_id } = await newApplication()
    expect((await post('device_authorization', { client_id })).body.error).toBe('unauthorized_client')
    const television = await newTelevision()
    const wrong = await post('device_authorization', { client_id: television.client_id, scope: 'everything' })
    expect(wrong.body).toEqual({ error: 'invalid_scope', error_description: 'There is no scope everything.' })
    expect((await post('device_authorization', { client_id: 'nobody' })).body.error).toBe('invalid_client')
  })

  test('keeps a secret if its application has one', async () => {
    const { client_id, client_secret } = await newTelevision({ token_endpoint_auth_method: 'client_secret_post' })
    expect((await post('device_authorization', { client_id })).body.error).toBe('invalid_client')
    const { body } = await post('device_authorization', { client_id, client_secret })
    expect((await post('token', { grant_type: DEVICE, client_id, ...body })).body.error).toBe('invalid_client')
  })
})

describe('whoever enters a code', () => {
  test('sees which application asks for what, in any spelling of the code', async () => {
    const person = await newUser()
    const { user_code } = await waiting({ resource: 'https://mcp.example.com' })
    const see = (entered: string) =>
      call('POST /api/v1/auth/devices', { token: person.token, body: { user_code: entered } })
    const { body } = await see(user_code.toLowerCase().replace('-', ' '))
    expect(body).toMatchObject({
      client: { name: 'Television', host: null, redirects_to: null },
      organization: { id: person.user.organization_id, may_grant: true },
      resource: 'https://mcp.example.com',
      redirect_to: null,
    })
    expect(body.asks_for.map(({ scope }: { scope: string }) => scope)).toEqual(['reports:read', 'reports:write'])
    expect((await see('BBBB-BBBB')).body.code).toBe('device_code_unknown')
  })

  test('agrees to a part of it, and to nothing that was not requested', async () => {
    const person = await newUser()
    const { user_code, ask } = await waiting()
    const more = await decide(person, user_code, { scope: 'reports:read tollgate:audit:read' })
    expect(more.body.errors).toEqual([{ path: 'body.scope', message: 'was not asked for: tollgate:audit:read' }])
    expect((await decide(person, user_code, { scope: ' ' })).body.errors[0].path).toBe('body.scope')
    expect((await decide(person, user_code, { scope: 'reports:read' })).status).toBe(204)
    expect((await ask()).body.scope).toBe('reports:read')
  })

  test('agrees for the organization that was shown, not one that another tab switched to', async () => {
    const person = await newUser()
    const { user_code, ask } = await waiting()
    const elsewhere = await decide(person, user_code, { for: (await newUser()).user.organization_id })
    expect(elsewhere.body.code).toBe('organization_switched')
    expect((await ask()).body.error).toBe('authorization_pending')
  })

  test('decides once, even if two do so at once', async () => {
    const { user_code } = await waiting()
    const [one, other] = [await newUser(), await newUser()]
    const answers = await Promise.all([decide(one, user_code), decide(other, user_code)])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 404]))
  })

  test('must be able to issue keys, and cannot decide for the platform or in a support session', async () => {
    const { user_code } = await waiting()
    expect((await decide({ token: await administrator() }, user_code)).body.code).toBe('platform_organization')
    const person = await registeredUser()
    await directly().sql.query(`update memberships set role = 'viewer' where user_id = $1`, [person.user.id])
    expect((await decide(person, user_code)).body.code).toBe('forbidden')
    const { body } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
      token: await administrator(),
      body: { reason: 'To see what they see' },
    })
    expect((await decide({ token: body.access_token }, user_code)).body.code).toBe('forbidden_while_impersonating')
  })

  test('cannot keep guessing', async () => {
    const person = await newUser()
    const guess = () => call('POST /api/v1/auth/devices', { token: person.token, body: { user_code: 'BBBB-CCCC' } })
    const answers = await Promise.all(Array.from({ length: 31 }, guess))
    expect(answers.filter(({ body }) => body.code === 'rate_limited')).toHaveLength(1)
  })
})
