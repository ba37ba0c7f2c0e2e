import { randomUUID } from 'node:crypto'
import { newCustomer, verify } from './customer.ts'
import { newPerson } from './person.ts'
import { expect, until, type World } from './world.ts'

const WITHOUT_FACTOR = { reason: 'The phone was stolen.' }

/**
 * Things that exist at the moment and are removed after it, by people and through Tollgate. A restore must not bring them back.
 *
 * @returns how to remove them, and how to check that they are gone
 */
export async function makeRemovable(world: World) {
  const { admin, server } = world
  const closed = await newCustomer(world)
  const member = await newPerson(server.baseUrl)
  const deleted = await newPerson(server.baseUrl)
  await world.sql.query('update users set email_verified_at = now() where id = $1', [member.id])
  await admin.call('POST', `/admin/organizations/${closed.id}/members`, { email: member.login.email, role: 'member' })
  const kept = await newCustomer(world)
  await admin.call('POST', `/admin/organizations/${kept.id}/members`, { email: member.login.email, role: 'admin' })
  const route = await newRoute(world)

  return {
    async remove() {
      await admin.call('DELETE', `/admin/organizations/${closed.id}`)
      await admin.call('DELETE', `/admin/users/${deleted.id}`)
      await admin.call('DELETE', `/organizations/${kept.id}/members/${member.id}`)
      await admin.call('POST', `/admin/users/${member.id}/two-factor/reset`, WITHOUT_FACTOR)
      await admin.call('DELETE', `/admin/routes/${route.id}`)
    },
    async expectGone() {
      await until('the key of a deleted customer is unknown', async () => !(await verify(world, closed.key)).valid)
      const { data: members } = await admin.call<{ data: object[] }>('GET', `/organizations/${kept.id}/members`)
      expect(members.length === 0, 'a removed member is none')
      expect(!(await mayLogIn(world, deleted.login)), 'a deleted account signs nobody in')
      expect(!(await asksForFactor(world, member.login)), 'a second factor that was taken away is not asked for')
      const { data: routes } = await admin.call<{ data: { slug: string }[] }>('GET', '/admin/routes')
      expect(!routes.some(({ slug }) => slug === route.slug), 'a deleted route forwards nothing')
    },
  }
}

async function newRoute({ admin, server }: World) {
  const slug = `rehearsal-${randomUUID().slice(0, 8)}`
  const upstream = `${server.localUrl}/webhooks/catch`
  return admin.call<{ id: string; slug: string }>('POST', '/admin/routes', {
    slug,
    match: { path_prefix: `/${slug}` },
    upstream,
  })
}

const logIn = ({ server }: World, login: object) =>
  fetch(`${server.baseUrl}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(login),
  })

const mayLogIn = async (world: World, login: object): Promise<boolean> => (await logIn(world, login)).ok

const asksForFactor = async (world: World, login: object): Promise<boolean> =>
  'two_factor_required' in ((await (await logIn(world, login)).json()) as object)
