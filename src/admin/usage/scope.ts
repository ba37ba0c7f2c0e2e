import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { type OrganizationScope, platformScope, type Scope } from '../../usage/analytics/scope.ts'

interface Which {
  readonly organization_id?: string | undefined
  readonly plan?: string | undefined
  readonly key_id?: string | undefined
}

/** Stands for the organization of a key that there is not. */
const NO_ORGANIZATION: OrganizationScope = { organizationId: '00000000-0000-0000-0000-000000000000' }

/**
 * Whose usage the operator asks for. An organization that there is not has used nothing: the sums of a deleted one stay.
 *
 * @throws Problem `invalid_request` naming `plan` where the organization is said already
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
