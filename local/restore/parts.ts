/** What is carried over from the former database into the restored one: how the rows of a table are described. */

export const PARTS = ['new', 'access', 'removed', 'usage', 'billing', 'sent', 'audit'] as const
export type Part = (typeof PARTS)[number]

/** All columns except the key: the row becomes what it was. */
export const WHOLE = 'whole'

/** Rows of one table that are added or changed. Rows that were removed according to the audit log are in removals.ts. */
export interface Rows {
  readonly part: Part
  readonly table: string
  /** SQL condition on the former row `t`; `$1` is the moment. */
  readonly since: string
  /** Columns that identify a row. */
  readonly key: readonly string[]
  /**
   * Inserts rows that the restored database does not have, if this SQL over the former row `r` holds. A row that collides with
   * another one stays out.
   */
  readonly insertIf?: string
  /** SQL that replaces fields of the former row, `r`, before it is inserted. */
  readonly replace?: Readonly<Record<string, string>>
  /** Assignments to the restored row `t` from the former row `r`. */
  readonly update?: string
  /** SQL condition on both; without it, each restored row is updated. */
  readonly updateIf?: string
  /** SQL over the former row `t`: when it last changed, for tables without such a column. `acted_at` of `item` for the others. */
  readonly actedAt?: string
}

export const hasOrganization = 'exists (select from organizations o where o.id = r.organization_id)'
export const hasUser = 'exists (select from users u where u.id = r.user_id)'
export const hasRole = `(r.custom_role is null
  or exists (select from roles o where o.organization_id = r.organization_id and o.name = r.custom_role))`
export const isNew = 't.created_at >= $1'
export const isNewer = 'r.updated_at > t.updated_at'

/** `name = …` for each: the former value if that row is the newer one. */
export const newest = (...names: readonly string[]): string =>
  names.map((name) => `${name} = case when ${isNewer} then r.${name} else t.${name} end`).join(', ')

/** For rows that do not record when they changed: the audit log does. @param matches SQL over its row `a` and the row `t` */
export function ofActs(actions: readonly string[], matches: string) {
  const acts = `from audit_logs a where a.result = 'success' and a.action in ('${actions.join("', '")}') and ${matches}`
  return {
    since: `exists (select ${acts} and a.created_at >= $1)`,
    actedAt: `(select max(a.created_at) ${acts})`,
    /** On the restored row: nothing was done there since. */
    isLast: `not exists (select ${acts} and a.created_at > (item->>'acted_at')::timestamptz)`,
  }
}
