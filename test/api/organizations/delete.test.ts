import { describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newUser, verify } from '../../support/http.ts'
import { mailTo } from '../../support/mail.ts'
import { addMember, create, ORGANIZATIONS, subscribe, switchTo } from '../../support/organizations.ts'
import { makeStale } from '../../support/stale-session.ts'

const { sql } = directly()

const list = async (token: string) => (await call(`GET ${ORGANIZATIONS}`, { token })).body
const get = (id: string, token: string) => call(`GET ${ORGANIZATIONS}/${id}`, { token })
const remove = (id: string, token: string, body: unknown) => call(`DELETE ${ORGANIZATIONS}/${id}`, { token, body })
const me = async (token: string) => (await call('GET /api/v1/auth/me', { token })).body
const claimsOf = (accessToken: string) => JSON.parse(atob(accessToken.split('.')[1] ?? ''))
const actsOf = async (organizationId: string) =>
  (await sql.query('select action from audit_logs where organization_id = $1 order by id', [organizationId])).map(
    ({ action }) => action,
  )

describe('DELETE /api/v1/organizations/{organization_id}', () => {
  test('stops its keys within two seconds, moves sessions to another one, and notifies the other owners', async () => {
    const [person, partner] = [await newUser(), await newUser()]
    const { body: doomed } = await create(person.token, { name: 'Doomed' })
    await addMember(doomed.id, partner.user.id, 'owner')
    const { body: switched } = await switchTo(doomed.id, partner.token)
    const { body: key } = await call('POST /api/v1/auth/api-keys', {
      token: switched.access_token,
      body: { name: 'K' },
    })
    expect((await verify(key.key)).body.valid).toBe(true)

    expect((await remove(doomed.id, person.token, { confirm_name: 'Doomed' })).status).toBe(204)
    await eventually(
      () => verify(key.key),
      ({ body }) => body.code === 'NOT_FOUND',
      2_000,
    )
    expect(await me(switched.access_token)).toMatchObject({ organization_id: partner.user.organization_id })
    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: partner.refreshToken } })
    expect(claimsOf(refreshed.body.access_token).org).toBe(partner.user.organization_id)
    expect((await get(doomed.id, person.token)).status).toBe(404)
    expect((await mailTo(partner.email, /Doomed was deleted/)).text).toContain('permanently')
    expect(await actsOf(doomed.id)).toContain('organization.deleted')
  })

  test('requires that nobody keeps paying: a subscription has ended, or is canceled at the end of its period', async () => {
    const { token } = await newUser()
    const { body: doomed } = await create(token, { name: 'Doomed' })
    for (const status of ['incomplete', 'canceled', 'active', 'trialing', 'past_due', 'unpaid', 'paused'])
      await subscribe(doomed.id, status)
    const deletion = () => remove(doomed.id, token, { confirm_name: 'Doomed' })
    for (let running = 5; running > 0; running--) {
      const refused = await deletion()
      expect([refused.status, refused.body.code]).toEqual([409, 'subscription_active'])
      const end = running % 2 === 0 ? 'ended_at = now()' : 'cancel_at_period_end = true'
      await sql.query(
        `update subscriptions set ${end} where id = (select id from subscriptions where organization_id = $1
           and status not in ('incomplete', 'canceled') and ended_at is null and not cancel_at_period_end limit 1)`,
        [doomed.id],
      )
    }
    expect(await actsOf(doomed.id)).not.toContain('organization.deleted')
    expect((await deletion()).status).toBe(204)
  })

  test('does not deadlock while its people keep switching to it', async () => {
    const [person, guest] = [await newUser(), await newUser()]
    const { body: doomed } = await create(person.token, { name: 'Doomed' })
    await addMember(doomed.id, guest.user.id, 'viewer')
    const switching = async () => {
      let status = 200
      for (let time = 0; time < 100 && status === 200; time++) {
        await switchTo(guest.user.organization_id, guest.token)
        status = (await switchTo(doomed.id, guest.token)).status
      }
      return status
    }
    const [gone, ...ends] = await Promise.all([
      remove(doomed.id, person.token, { confirm_name: 'Doomed' }),
      ...Array.from({ length: 5 }, switching),
    ])
    expect([gone?.status, ...ends]).toEqual([204, 404, 404, 404, 404, 404])
    expect((await me(guest.token)).organization_id).toBe(guest.user.organization_id)
  })

  test('requires its exact name, and a fresh sign-in or the password', async () => {
    const person = await newUser()
    const { body: doomed } = await create(person.token, { name: 'Doomed' })
    for (const confirm_name of ['doomed', 'Doomed ', ''])
      expect((await remove(doomed.id, person.token, { confirm_name })).body.errors).toEqual([
        { path: 'body.confirm_name', message: 'must be the name of the organization' },
      ])
    expect((await remove(doomed.id, person.token, {})).body.errors[0].path).toBe('body.confirm_name')
    await makeStale(person.user.id)
    const confirmed = { confirm_name: 'Doomed' }
    expect((await remove(doomed.id, person.token, confirmed)).body.code).toBe('reauthentication_required')
    const wrong = await remove(doomed.id, person.token, { ...confirmed, password: 'nonsense' })
    expect(wrong.body.code).toBe('wrong_password')
    expect((await remove(doomed.id, person.token, { ...confirmed, password: person.password })).status).toBe(204)
  })

  test('is for owners, and never for the platform', async () => {
    const [person, admin] = [await newUser({ name: 'Theirs' }), await newUser()]
    const id = person.user.organization_id
    await addMember(id, admin.user.id, 'admin')
    expect((await remove(id, admin.token, { confirm_name: 'Theirs' })).body.code).toBe('forbidden')
    const token = await administrator()
    const [platform] = await sql.query('select id, name from organizations where is_platform')
    const refused = await remove(platform?.id, token, { confirm_name: platform?.name })
    expect([refused.status, refused.body.code]).toEqual([409, 'platform_organization'])
  })

  test('leaves a user without organizations after the last one, who can create another', async () => {
    const person = await newUser({ organization: 'Acme' })
    expect((await remove(person.user.organization_id, person.token, { confirm_name: 'Acme' })).status).toBe(204)
    expect(await me(person.token)).toMatchObject({ id: person.user.id, organization_id: null, permissions: [] })
    expect((await list(person.token)).data).toEqual([])
    const signIn = { email: person.email, password: person.password }
    const { body: again } = await call('POST /api/v1/auth/login', { body: signIn })
    const { body: next } = await create(again.access_token, { name: 'Next' })
    expect((await switchTo(next.id, again.access_token)).status).toBe(200)
  })

  test('is what the only owner of an organization that was not created for them does before they delete the account', async () => {
    const person = await newUser({ organization: 'Acme' })
    const { token, password } = person
    const leave = () => call('DELETE /api/v1/auth/me', { token, body: { password } })
    expect((await leave()).body.code).toBe('last_owner')
    expect((await remove(person.user.organization_id, token, { confirm_name: 'Acme' })).status).toBe(204)
    expect((await leave()).status).toBe(204)
  })
})
