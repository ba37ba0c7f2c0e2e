import { type SQL, sql } from 'drizzle-orm'
import { ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'
import { creditsExhausted, creditsExpired, creditsGranted, creditsLow } from '../../events/credit-subjects.ts'
import { insertDeliveries } from '../../events/publish.ts'
import type { Happening } from '../../events/subjects.ts'
import { errorFields, log } from '../../lib/log.ts'
import { formatUsd } from '../../lib/usd.ts'
import { type Contact, selectContacts } from '../../mail/contacts.ts'
import { insertMails } from '../../mail/outbox.ts'
import { creditsRunLow, creditsUsedUp } from '../../mail/templates/alerts.ts'
import { type Content, render } from '../../mail/templates/render.tsx'
import { LOW_BALANCE } from './queries.ts'
import { selectCharged } from './select-charged.ts'

/** How far back a run looks for ledger rows: runs come every minute, and some may fail. Nobody is notified twice. */
const LOOK_BACK_MS = 3_600_000
/** Accounts whose balance one run reports. The next run continues. */
const MAX_ACCOUNTS = 200

/**
 * Notifies endpoints of grants that were created or expired, and of balances that are low or used up. Balance events are sent once
 * until the next grant, and owners and admins get an email as well.
 *
 * @param at when the run was due, in Unix milliseconds
 * @returns how many deliveries were queued
 */
export async function notifyCredits(deps: Deps, at: number): Promise<number> {
  const db = ormOver(deps.sql)
  const isRecent = sql`l.created_at > ${new Date(at - LOOK_BACK_MS).toISOString()}::timestamptz`
  const now = deps.now()
  let told = 0
  for (const happening of [creditsGranted(isRecent), creditsExpired(isRecent)])
    told += (await db.execute(insertDeliveries(now, happening))).rows.length
  for (const crossing of CROSSINGS) told += await notifyCrossing(deps, crossing)
  return told
}

/** A balance that is reported once until the next grant. */
interface Crossing {
  readonly mark: 'low_told_at' | 'exhausted_told_at'
  /** The balance of an account `a` at which it is reported. */
  readonly at: SQL
  readonly happening: (accounts: SQL) => Happening
  readonly toMail: (account: CrossedAccount, about: { service: string; name: string | null }) => Content | undefined
}

type CrossedAccount = {
  readonly organization_id: string
  readonly organization: string
  readonly balance: string
  readonly low_balance: string
  readonly owed: string
  /** Whether calls continue when no credits are left. */
  readonly goes_on: boolean
  readonly contacts: readonly Contact[]
}

const CROSSINGS: readonly Crossing[] = [
  {
    mark: 'low_told_at',
    at: LOW_BALANCE,
    happening: creditsLow,
    // a used-up balance is reported by the other email
    toMail: ({ organization, balance, low_balance, goes_on: goesOn }, about) =>
      Number(balance) > 0
        ? creditsRunLow({ ...about, organization, balance: formatUsd(balance), low: formatUsd(low_balance), goesOn })
        : undefined,
  },
  {
    mark: 'exhausted_told_at',
    at: sql`0`,
    happening: creditsExhausted,
    toMail: ({ organization, owed, goes_on: goesOn }, about) =>
      creditsUsedUp({ ...about, organization, owed: formatUsd(owed), goesOn }),
  },
]

/** If the emails of one organization fail, the others are not affected. @returns how many deliveries were queued */
async function notifyCrossing(deps: Deps, crossing: Crossing): Promise<number> {
  let told = 0
  for (const account of await listCrossed(deps, crossing)) {
    try {
      told += await markAndTell(deps, crossing, account)
    } catch (error) {
      log('error', 'credits_not_notified', { organization_id: account.organization_id, ...errorFields(error) })
    }
  }
  return told
}

const isCrossed = ({ mark, at }: Crossing): SQL =>
  sql`a.${sql.raw(mark)} is null and a.last_granted > 0 and a.granted - a.burned <= ${at}`

const GOES_ON = sql.raw(`exists (select from organizations x join plans p on p.id = x.plan_id
  where x.id = a.organization_id and p.at_no_credits = 'allow')`)

/** A plan that allows calls without credits covers everything else within a minute. */
const OWED = sql`least(case when ${GOES_ON} then a.owed end, greatest(0, ${selectCharged(sql`a.organization_id`)} - a.charged_before - a.burned))`

async function listCrossed(deps: Deps, crossing: Crossing): Promise<CrossedAccount[]> {
  const { rows } = await ormOver(deps.sql).execute<CrossedAccount>(sql`
    select a.organization_id, o.name as organization, (a.granted - a.burned)::text as balance,
      ${LOW_BALANCE}::text as low_balance, ${OWED}::text as owed, ${GOES_ON} as goes_on, ${selectContacts(sql`a.organization_id`)} as contacts
    from credit_accounts a join organizations o on o.id = a.organization_id
    where ${isCrossed(crossing)} order by random() limit ${MAX_ACCOUNTS}::int`)
  return rows
}

/**
 * One statement marks the account, and queues the event and the emails. A second run waits for the first run's mark,
 * and finds nothing to report.
 */
async function markAndTell(deps: Deps, crossing: Crossing, account: CrossedAccount): Promise<number> {
  const now = deps.now()
  const mails = buildMails(deps, crossing, account)
  const { rows } = await ormOver(deps.sql).execute(sql`
    with marked as (
      update credit_accounts a set ${sql.raw(crossing.mark)} = ${new Date(now).toISOString()}::timestamptz
      where a.organization_id = ${account.organization_id}::uuid and ${isCrossed(crossing)}
      returning a.organization_id, a.granted - a.burned as balance, ${LOW_BALANCE} as low_balance, ${OWED} as owed
    ), mailed as (${insertMails(now, mails, sql`exists (select from marked)`)}),
    told as (${insertDeliveries(now, crossing.happening(sql`select * from marked`))})
    select id from told`)
  return rows.length
}

function buildMails({ config }: Deps, { toMail }: Crossing, account: CrossedAccount) {
  const service = config.SERVICE_NAME
  return account.contacts.flatMap(({ email, name }) => {
    const content = toMail(account, { service, name })
    return content ? [render(service, email, content)] : []
  })
}
