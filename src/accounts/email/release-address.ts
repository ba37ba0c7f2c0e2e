import { type SQL, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import { requireThat, type Statement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import type { ManagementDeps } from '../../deps.ts'
import { endApplications } from '../../keys/applications.ts'
import { clearAccount } from './clear-account.ts'
import { deleteEmailTokens, endSessions } from './queries.ts'

/**
 * Whether the user `u` must leave the address to an account that proves it: anybody can register an address that is not theirs.
 * Not an account that the operator, an import or a directory created, and no administrator.
 */
const isReleasable: SQL = sql`(u.email_verified_at is null and u.is_self_registered and not exists (
  select 1 from memberships m join organizations o on o.id = m.organization_id where m.user_id = u.id and o.is_platform))`

/** Finds the account that has an address, and whether it must leave it to an account that proves the address. */
export async function findHolder(db: Database, email: string) {
  const { rows } = await db.execute<{ id: string; isReleasable: boolean }>(sql`
    select u.id, ${isReleasable} as "isReleasable" from users u where u.email = ${email}`)
  return rows[0]
}

/**
 * Batch steps that free an address: its unconfirmed account is emptied as after the first reset of its password, and disabled,
 * with an address that nobody can have (RFC 2606). The operator can still see it, and delete it. The steps come after the locks of
 * the account's organizations and of the user, and before the one that gives the address away.
 *
 * The batch fails with `invalid_token` if the account confirmed the address meanwhile.
 */
export function releaseAddress(
  deps: ManagementDeps,
  holder: { readonly id: string; readonly email: string },
  now: Date,
): Statement[] {
  const { db } = deps
  const { id, email } = holder
  const isStill = sql`exists (
    select 1 from users u where u.id = ${id}::uuid and u.email = ${email} and ${isReleasable})`
  return [
    requireThat(db, isStill, 'invalid_token'),
    ...clearAccount(deps, holder, now),
    ...endSessions(db, id, 'address_released', { now }),
    endApplications(deps, id),
    deleteEmailTokens(db, id),
    db.execute(sql`
      update users set email = id || '@released.invalid', password_hash = null, is_active = false,
        updated_at = ${now.toISOString()}::timestamptz
      where id = ${id}::uuid`),
    audited(deps, {
      action: 'account.released',
      actor: undefined, // the one who proved the address learns nothing of the account, and the stranger did not act
      target: { type: 'user', id },
      detail: { cleared: true },
    }),
  ]
}
