import type * as z from 'zod'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd } from '../../lib/usd.ts'
import { readHeldCredits } from '../../limits/credit-counter.ts'
import { selectAccount, selectGrants } from './queries.ts'
import type { Credits } from './schemas.ts'
import { toGrant } from './serialize.ts'
import { publishChanged, settlementSteps } from './settle.ts'

/** An organization without credits. */
const NONE = { balance: '0', owed: '0', low_balance: '0', is_low_balance_default: true }

/** An organization's credits as of now: everything that it was charged until now has burned. */
export async function readCredits(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof Credits>> {
  const { db } = deps
  const { settled, renewed, account, grants } = await runBatch(db, {
    ...settlementSteps(db, organizationId, deps.now()),
    account: selectAccount(db, organizationId),
    grants: selectGrants(db, organizationId),
  })
  await publishChanged(deps, [...settled.rows, ...renewed.rows])
  const [known] = account.rows
  const { balance, owed, low_balance, is_low_balance_default } = known ?? NONE
  return {
    uses_credits: known !== undefined,
    balance: formatUsd(balance),
    held: known ? await readHeldCredits(deps, organizationId) : formatUsd('0'),
    owed: formatUsd(owed),
    low_balance: formatUsd(low_balance),
    is_low_balance_default,
    grants: grants.rows.map(toGrant),
  }
}
