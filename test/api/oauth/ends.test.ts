import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser, verify } from '../../support/http.ts'
import { resetToken } from '../../support/mail.ts'
import { codeFor, granted, newApplication, newRequest, post, untilRefused } from '../../support/oauth.ts'
import { addMember, ORGANIZATIONS } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const refusalOf = ({ status, body }: { status: number; body: any }) => [status, body.error]
const INVALID_GRANT = [400, 'invalid_grant']

describe('what an application may do ends', () => {
  test('when the person resets the password: a thief may have authorized the application', async () => {
    const { person, exchange, refresh } = await granted()
    const { body } = await exchange()
    const reset = { token: await resetToken(person.email), new_password: 'seven purple lanterns' }
    expect((await call('POST /api/v1/auth/password/reset/confirm', { body: reset })).status).toBe(204)
    await untilRefused(body.access_token)
    expect(refusalOf(await refresh(body.refresh_token))).toEqual(INVALID_GRANT)
  })

  test('while the person lacks what the organization requires of its members', async () => {
    const { person, exchange, refresh } = await granted()
    const { body } = await exchange()
    const id = person.user.organization_id
    const require = (on: boolean) =>
      sql.query('update organizations set requires_two_factor = $2 where id = $1', [id, on])
    await require(true)
    expect(refusalOf(await refresh(body.refresh_token))).toEqual(INVALID_GRANT)
    await require(false)
    const { body: renewed } = await refresh(body.refresh_token)
    await sql.query(`update memberships set role = 'admin' where organization_id = $1`, [id])
    await sql.query(
      `insert into sso_connections (id, organization_id, issuer, client_id, client_secret_encrypted, is_required)
       values ($1, $1, 'https://idp.example.org', 'x', 'x', true)`,
      [id],
    )
    expect(refusalOf(await refresh(renewed.refresh_token))).toEqual(INVALID_GRANT)
    await sql.query(
      `insert into sessions (id, user_id, organization_id, sso_connection_id, expires_at, ended_at) values (gen_random_uuid(), $1, $2, $2, now(), now())`,
      [person.user.id, id],
    )
    expect((await refresh(renewed.refresh_token)).status).toBe(200)
  })

  test('when its application has not renewed it in time, and the person no longer finds it listed', async () => {
    const { person, exchange } = await granted()
    await exchange()
    const list = async () => (await call('GET /api/v1/auth/grants', { token: person.token })).body.data
    expect(await list()).toHaveLength(1)
    await sql.query(`update oauth_grants set expires_at = now() - interval '1 second' where user_id = $1`, [
      person.user.id,
    ])
    expect(await list()).toEqual([])
  })

  test('when the person revokes it, only for them, and at once (ASVS 10.4.9, 10.7.3)', async () => {
    const { person, exchange, refresh, client } = await granted()
    const { body } = await exchange()
    const list = await call('GET /api/v1/auth/grants', { token: person.token })
    expect(list.body.data).toMatchObject([
      { client: { id: client.client_id, name: 'Reporter' }, scopes: ['reports:read'], resource: null },
    ])
    const path = `/api/v1/auth/grants/${list.body.data[0].id}`
    const stranger = await newUser()
    expect((await call(`DELETE ${path}`, { token: stranger.token })).body.code).toBe('grant_not_found')
    expect((await call(`DELETE ${path}`, { token: person.token })).status).toBe(204)
    expect((await call(`DELETE ${path}`, { token: person.token })).status).toBe(204)
    await untilRefused(body.access_token)
    expect(refusalOf(await refresh(body.refresh_token))).toEqual(INVALID_GRANT)
    expect((await call('GET /api/v1/auth/grants', { token: person.token })).body.data).toEqual([])
  })

  test.each(['access_token', 'refresh_token'] as const)('when the application revokes its %s', async (name) => {
    const { exchange, client } = await granted()
    const { body } = await exchange()
    const other = await newApplication()
    const revoke = (client_id: string) => post('revoke', { client_id, token: body[name] })
    expect((await revoke(other.client_id)).status).toBe(200)
    expect((await verify(body.access_token)).body.valid).toBe(true)
    expect((await revoke(client.client_id)).status).toBe(200)
    await untilRefused(body.access_token)
    expect((await post('revoke', { client_id: client.client_id, token: 'nonsense' })).status).toBe(200)
  })

  test.each([
    [
      'is removed',
      (id: string, of: string, owner: string) => call(`DELETE ${ORGANIZATIONS}/${id}/members/${of}`, { token: owner }),
    ],
    [
      'leaves',
      (id: string, _: string, __: string, own: string) => call(`POST ${ORGANIZATIONS}/${id}/leave`, { token: own }),
    ],
    [
      'is disabled',
      async (_: string, of: string) =>
        call(`POST /api/v1/admin/users/${of}/disable`, { token: await administrator(), body: {} }),
    ],
    [
      'deletes the account',
      (_: string, __: string, ___: string, own: string) =>
        call('DELETE /api/v1/auth/me', { token: own, body: { password: 'correct horse battery' } }),
    ],
  ] as const)('when the person %s, only there', async (_, end) => {
    const { person, client, exchange } = await granted()
    const { body: elsewhere } = await exchange()
    const owner = await newUser()
    const id = owner.user.organization_id as string
    await addMember(id, person.user.id, 'member')
    await sql.query('update sessions set organization_id = $1 where user_id = $2', [id, person.user.id])
    const { verifier, request } = newRequest(client)
    const code = await codeFor(person, request)
    const proof = { grant_type: 'authorization_code', client_id: client.client_id, code, code_verifier: verifier }
    const { body } = await post('token', proof)
    expect((await verify(body.access_token)).body).toMatchObject({ valid: true, organization_id: id })
    const ended = await end(id, person.user.id, owner.token, person.token)
    expect(ended.status).toBeLessThan(300)
    await untilRefused(body.access_token)
    const isEverywhere = _ === 'is disabled' || _ === 'deletes the account'
    if (!isEverywhere) expect((await verify(elsewhere.access_token)).body.valid).toBe(true)
  })

  test('when the role of the person no longer includes the scopes', async () => {
    const { person, exchange, refresh } = await granted({ scope: 'tollgate:audit:read' })
    const { body } = await exchange()
    await sql.query(`update memberships set role = 'member' where user_id = $1`, [person.user.id])
    expect(refusalOf(await refresh(body.refresh_token))).toEqual(INVALID_GRANT)
    await sql.query(`update memberships set role = 'admin' where user_id = $1`, [person.user.id])
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })

  test('when an admin of the organization revokes the key', async () => {
    const { person, exchange, refresh } = await granted()
    const { body } = await exchange()
    const { data } = (await call('GET /api/v1/auth/api-keys', { token: person.token })).body
    expect((await call(`DELETE /api/v1/auth/api-keys/${data[0].id}`, { token: person.token })).status).toBe(204)
    expect(refusalOf(await refresh(body.refresh_token))).toEqual(INVALID_GRANT)
    await untilRefused(body.access_token)
  })
})
