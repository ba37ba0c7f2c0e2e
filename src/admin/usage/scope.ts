import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { type OrganizationScope, platformScope, type Scope } from '../../usage/analytics/scope.ts'

interface Which {
  readonly organization_id?: string | undefined
  readonly plan?: string | undefined
  readonly key_id?: string | undefined
}

/** The organization of an unknown key. */
const NO_ORGANIZATION: OrganizationScope = { organizationId: '00000000-0000-0000-0000-000000000000' }

/**
 * Reads whose usage the operator requests. An unknown organization has no usage; the totals of a deleted one stay.
 *
 * @throws Problem `invalid_request` naming `plan` if the organization or key is also given
 */
export async function readScope({ sql }: ManagementDeps, { organization_id, plan, key_id }: Which): Promise<Scope> {
  const other = organization_id ? 'organization_id' : key_id ? 'key_id' : undefined
  if (plan !== undefined && other) throw invalid('plan', `must not be given together with ${other}`)
  if (organization_id) return { organizationId: organization_id, seesCosts: true }
  if (!key_id) return platformScope(sql, plan)
  const [key] = await sql.query('select organization_id from api_keys where id = $1', [key_id])
  return key ? { organizationId: String(key.organization_id), seesCosts: true } : NO_ORGANIZATION
}

export const invalid = (name: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `query.${name}`, message }] })
