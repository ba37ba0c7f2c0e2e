import type * as z from 'zod'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd } from '../../lib/usd.ts'
import { readHeldCredits } from '../../limits/credits/counter.ts'
import { Problem } from '../../problems.ts'
import { selectAccount, selectGrants } from './queries.ts'
import type { Credits } from './schemas.ts'
import { toGrant } from './serialize.ts'
import { publishChanged, settlementSteps } from './settle.ts'

/** An organization's current credits, after every charge until now has been paid. @throws Problem `organization_not_found` */
export async function readCredits(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof Credits>> {
  const { db } = deps
  const { settled, renewed, account, grants } = await runBatch(db, {
    ...settlementSteps(db, organizationId, deps.now()),
    account: selectAccount(db, organizationId),
    grants: selectGrants(db, organizationId),
  })
  await publishChanged(deps, [...settled.rows, ...renewed.rows])
  const [known] = account.rows
  if (!known) throw new Problem('organization_not_found')
  const { uses_credits, balance, owed, at_no_credits, low_balance, is_low_balance_default } = known
  return {
    uses_credits,
    balance: formatUsd(balance),
    held: uses_credits ? await readHeldCredits(deps, organizationId) : formatUsd('0'),
    owed: formatUsd(owed),
    at_no_credits,
    low_balance: formatUsd(low_balance),
    is_low_balance_default,
    grants: grants.rows.map(toGrant),
  }
}
