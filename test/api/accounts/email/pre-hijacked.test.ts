import { describe, expect, onTestFinished, test } from 'vitest'
import { newAuthenticator } from '../../../support/authenticator.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser, verify } from '../../../support/http.ts'
import { confirmAddress, mailTo, resetToken } from '../../../support/mail.ts'
import { addMember, ORGANIZATIONS } from '../../../support/organizations.ts'
import { add, ORIGIN, PASSKEYS, signIn } from '../../../support/passkeys.ts'
import { newTwoFactorUser } from '../../../support/two-factor.ts'
import { newReceiver } from '../../../support/webhooks.ts'

const { sql } = directly()

const new_password = 'seven purple lanterns'
const confirm = (token: string) => call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password } })
const login = (email: string) => call('POST /api/v1/auth/login', { body: { email, password: new_password } })

describe('POST /api/v1/auth/password/reset/confirm, for an address that somebody else had registered', () => {
  /** What a stranger creates under an address that is not theirs, before its owner comes. */
  async function preHijacked() {
    const stranger = await newTwoFactorUser()
    const own = stranger.user.organization_id as string
    const partner = await newUser()
    await addMember(own, partner.user.id, 'owner')
    const later = { email: `later-${crypto.randomUUID()}@example.com`, role: 'admin' }
    const invited = await call(`POST ${ORGANIZATIONS}/${own}/invitations`, { token: stranger.token, body: later })
    const issued = await call('POST /api/v1/auth/api-keys', { token: stranger.token, body: { name: 'theirs' } })
    expect([invited.status, issued.status]).toEqual([201, 201])
    const authenticator = await newAuthenticator(ORIGIN)
    expect((await add(stranger.token, authenticator)).status).toBe(201)
    return { stranger, partner, own, key: issued.body.key as string, authenticator }
  }

  test('gives a clean account to whoever proves that they own the address', async () => {
    const { stranger, partner, own, key, authenticator } = await preHijacked()
    expect((await verify(key)).body.code).toBe('VALID')
    expect((await confirm(await resetToken(stranger.email))).status).toBe(204)

    const { status, body } = await login(stranger.email)
    expect([status, body.two_factor_required]).toEqual([200, undefined])
    const token = body.access_token as string
    expect((await verify(key)).body.code).toBe('REVOKED')
    const { body: members } = await call(`GET ${ORGANIZATIONS}/${own}/members`, { token })
    expect(members.data.map((one: { user_id: string }) => one.user_id)).toEqual([stranger.user.id])
    const { body: invitations } = await call(`GET ${ORGANIZATIONS}/${own}/invitations`, { token })
    expect(invitations.data.filter((one: { status: string }) => one.status === 'pending')).toEqual([])
    expect((await call(`GET ${ORGANIZATIONS}/${own}`, { token: partner.token })).status).toBe(404)
    const notice = await mailTo(stranger.email, /^Your password was reset/)
    expect(notice.text).toContain('API keys')
    expect((await call(`GET ${PASSKEYS}`, { token })).body.data).toEqual([])
    expect((await signIn(authenticator)).body.code).toBe('invalid_passkey')
  })

  test('tells the operator of the keys that are revoked and the members that are removed', async () => {
    const { stranger, partner, own } = await preHijacked()
    const joined = await newUser()
    await addMember(joined.user.organization_id as string, stranger.user.id, 'member')
    const { id: endpoint } = await newReceiver((await newUser()).token, { events: ['key.revoked', 'member.removed'] })
    const asOperator = (is: boolean) =>
      sql.query('update webhook_endpoints set is_operator = $2 where id = $1', [endpoint, is])
    await asOperator(true)
    onTestFinished(() => void asOperator(false))
    expect((await confirm(await resetToken(stranger.email))).status).toBe(204)
    const rows = await sql.query(
      `select type, payload from webhook_deliveries
       where endpoint_id = $1 and payload #>> '{data,organization,id}' = any($2) order by type, id`,
      [endpoint, [own, joined.user.organization_id]],
    )
    const told = rows.map(({ type, payload: { data } }) => [
      type,
      data.organization.id,
      data.key?.name ?? data.member.user_id,
    ])
    expect(told).toEqual([
      ['key.revoked', own, 'theirs'],
      ['member.removed', own, partner.user.id],
      ['member.removed', joined.user.organization_id, stranger.user.id],
    ])
  })

  test('leaves everything unchanged if the address was already confirmed', async () => {
    const { stranger, partner, own, key } = await preHijacked()
    await confirmAddress(stranger.email)
    expect((await confirm(await resetToken(stranger.email))).status).toBe(204)

    expect((await login(stranger.email)).body.two_factor_required).toBe(true)
    expect((await verify(key)).body.code).toBe('VALID')
    expect((await call(`GET ${ORGANIZATIONS}/${own}`, { token: partner.token })).status).toBe(200)
  })
})
