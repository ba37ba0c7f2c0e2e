import { eq, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { creditAccounts } from '../../db/schema/credits.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd } from '../../lib/usd.ts'
import { readCredits } from './read.ts'
import type { Credits } from './schemas.ts'

interface LowBalanceChange {
  readonly actor: Principal
  readonly organizationId: string
  /** Decimal US dollars; null for the default. */
  readonly lowBalance: string | null
}

/** Sets the balance at which endpoints are notified that it is low. @throws Problem `no_credits` */
export async function setLowBalance(
  deps: ManagementDeps,
  { actor, organizationId, lowBalance }: LowBalanceChange,
): Promise<z.output<typeof Credits>> {
  const { db } = deps
  const isThere = sql`exists (select 1 from credit_accounts a where a.organization_id = ${organizationId}::uuid)`
  await runBatch(db, {
    lock: lockOrganization(db, organizationId),
    found: requireThat(db, isThere, 'no_credits'),
    account: db
      .update(creditAccounts)
      .set({ lowBalance, lowToldAt: null })
      .where(eq(creditAccounts.organizationId, organizationId)),
    audit: audited(deps, {
      action: 'organization.low_balance_changed',
      actor,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { low_balance_usd: lowBalance && formatUsd(lowBalance) },
    }),
  })
  return readCredits(deps, organizationId)
}
