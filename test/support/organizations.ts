import { directly } from './direct.ts'
import { call } from './http.ts'

export const ORGANIZATIONS = '/api/v1/organizations'
const { sql } = directly()

/** Makes an organization that the token's user owns. */
export const create = (token: string, body: Record<string, unknown>) => call(`POST ${ORGANIZATIONS}`, { token, body })

/** Makes a user a member without an invitation. */
export const addMember = (organizationId: string, userId: string, role: string) =>
  sql.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
    organizationId,
    userId,
    role,
  ])

/** Gives an organization a subscription as a provider would tell of it. */
export const subscribe = (organizationId: string, status: string) =>
  sql.query(
    `insert into subscriptions (id, organization_id, provider, provider_subscription_id, provider_customer_id, plan_id, status, ended_at)
     values (gen_random_uuid(), $1, 'stripe', gen_random_uuid(), gen_random_uuid(), 'pro', $2, case $2 when 'canceled' then now() end)`,
    [organizationId, status],
  )

export const switchTo = (organizationId: string, token: string) =>
  call(`POST ${ORGANIZATIONS}/${organizationId}/switch`, { token })

/** Who belongs to an organization, as the database has it: role by user. */
export async function rolesIn(organizationId: string): Promise<Record<string, string>> {
  const rows = await sql.query('select user_id, role from memberships where organization_id = $1', [organizationId])
  return Object.fromEntries(rows.map(({ user_id, role }) => [user_id, role]))
}
