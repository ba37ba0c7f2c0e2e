import type { Sql } from '../../db/client.ts'

/** Whose usage a query is about: that of one organization, or of all together. */
export type Scope = OrganizationScope | AllOrganizationsScope

export interface OrganizationScope {
  readonly organizationId: string
  /** Whether the operator reads it, who sees what providers charge. Customers see what they pay instead. */
  readonly seesCosts?: boolean
}

export interface AllOrganizationsScope {
  /** Only organizations on this plan. */
  readonly plan: string | undefined
  /** Hours before this one are in the platform's own roll-ups, in Unix milliseconds. Later ones are in the organizations'. */
  readonly foldedUntil: number
}

export const isPlatform = (scope: Scope): scope is AllOrganizationsScope => 'foldedUntil' in scope

/** Only the operator reads the usage of all organizations together. */
export const seesCosts = (scope: Scope): boolean => isPlatform(scope) || scope.seesCosts === true

/** All organizations together, or those on a plan. One statement. */
export async function platformScope(sql: Sql, plan: string | undefined): Promise<AllOrganizationsScope> {
  const [row] = await sql.query(
    'select extract(epoch from folded_until)::float8 * 1000 as until from usage_platform_progress',
  )
  return { plan, foldedUntil: row?.until ?? 0 }
}
