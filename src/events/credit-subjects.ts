/** The events about credits. */
import { type SQL, sql } from 'drizzle-orm'
import { isoText, usdText } from './payload.ts'
import type { Happening } from './subjects.ts'

/** A row `g` of `credit_grants`. */
const GRANT = sql`jsonb_build_object('id', g.id, 'amount', ${usdText(sql`g.amount`)}, 'remaining', ${usdText(sql`g.remaining`)},
  'source', g.source, 'priority', g.priority, 'reason', g.reason, 'expires_at', ${isoText(sql`g.expires_at`)},
  'created_at', ${isoText(sql`g.created_at`)})`

const BALANCE = usdText(sql`a.granted - a.burned`)

/** One event for each row of the ledger. @param condition on a row `l` */
const ofLedger = (kind: 'grant' | 'expire', condition: SQL, data: SQL): SQL => sql`
  select l.organization_id, ${data} as data, concat_ws('_', 'credits', l.id) as once
  from credit_ledger l
  join credit_grants g on g.id = l.grant_id and g.organization_id = l.organization_id
  join credit_accounts a on a.organization_id = l.organization_id
  where l.kind = ${kind} and ${condition}`

/** New grants. @param condition on a row `l` of the ledger */
export const creditsGranted = (condition: SQL): Happening => ({
  type: 'credits.granted',
  isOnce: true,
  subjects: ofLedger('grant', condition, sql`jsonb_build_object('grant', ${GRANT}, 'balance', ${BALANCE})`),
})

/** The grant of one organization. */
export const creditGranted = (organizationId: string, grantId: string): Happening =>
  creditsGranted(sql`l.organization_id = ${organizationId}::uuid and l.grant_id = ${grantId}::uuid`)

/** Grants that expired with a balance. */
export const creditsExpired = (condition: SQL): Happening => ({
  type: 'credits.expired',
  isOnce: true,
  subjects: ofLedger(
    'expire',
    condition,
    sql`jsonb_build_object('grant', ${GRANT}, 'amount', ${usdText(sql`-l.amount`)}, 'balance', ${BALANCE})`,
  ),
})

/** @param accounts a query of rows with `organization_id`, `balance` and `low_balance` */
export const creditsLow = (accounts: SQL): Happening => ({
  type: 'credits.low',
  subjects: sql`select organization_id, jsonb_build_object('balance', ${usdText(sql`balance`)},
    'low_balance', ${usdText(sql`low_balance`)}) as data from (${accounts}) low`,
})

/** @param accounts a query of rows with `organization_id`, `balance` and `owed` */
export const creditsExhausted = (accounts: SQL): Happening => ({
  type: 'credits.exhausted',
  subjects: sql`select organization_id, jsonb_build_object('balance', ${usdText(sql`balance`)},
    'owed', ${usdText(sql`owed`)}) as data from (${accounts}) exhausted`,
})
