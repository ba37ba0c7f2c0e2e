import type * as z from 'zod'
import { toUsd } from '../../billing/overage/money.ts'
import type { ManagementDeps } from '../../deps.ts'
import { toIso } from '../../lib/iso.ts'
import { errorFields, log } from '../../lib/log.ts'
import { toMonth } from '../../lib/period.ts'
import { measureSpool } from '../../metering/spool.ts'
import { formatDay } from '../../usage/analytics/span.ts'
import { readOverview } from './queries.ts'
import type { Overview } from './schemas.ts'

type Read = Awaited<ReturnType<typeof readOverview>>

/** The state of the deployment: one round trip to Postgres, one to Redis. Without Redis, the spool's size is unknown. */
export async function overview(deps: ManagementDeps): Promise<z.output<typeof Overview>> {
  const now = deps.now()
  const today = formatDay(now)
  const month = toMonth(now)
  const [read, spool] = await Promise.all([
    readOverview(deps.reads, toIso(now), [formatDay(month.start), today]),
    readSpool(deps),
  ])
  return {
    generated_at: toIso(now),
    customers: sumCustomers(read.customers),
    keys: { active: read.activeKeys },
    verifications: {
      today: { from: `${today}T00:00:00.000Z`, ...sumVerdicts(read.verdicts, 'today') },
      month: { from: toIso(month.start), ...sumVerdicts(read.verdicts, 'month') },
    },
    revenue: { ...sumSubscriptions(read.subscriptions), overage: sumLedger(read.ledger) },
    webhooks: toSending(read.deliveries),
    mails: toSending(read.mails),
    usage: { spool, folded_until: toIso(read.foldedUntil) },
  }
}

async function readSpool(deps: ManagementDeps) {
  try {
    const { batches, aside } = await measureSpool(deps)
    return { batches, aside }
  } catch (error) {
    log('warn', 'spool_not_measured', errorFields(error))
    return null
  }
}

const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0)

function sumCustomers(plans: Read['customers']) {
  return {
    total: sum(plans.map(({ total }) => total)),
    suspended: sum(plans.map(({ suspended }) => suspended)),
    new_30_days: sum(plans.map((plan) => plan.new)),
    by_plan: plans.map(({ plan, total, suspended }) => ({ plan, total, suspended })),
  }
}

function sumVerdicts(verdicts: Read['verdicts'], span: 'today' | 'month') {
  const used = verdicts.filter((verdict) => verdict[span] > 0)
  const total = sum(used.map((verdict) => verdict[span]))
  const valid = used.find(({ code }) => code === 'VALID')?.[span] ?? 0
  const by_code = Object.fromEntries(used.map(({ code, ...requests }) => [code, requests[span]]))
  return { total, valid, refused: total - valid, by_code }
}

/** Sums only US dollars: other currencies are not converted. */
function sumSubscriptions(subscriptions: Read['subscriptions']) {
  const inDollars = subscriptions.filter(({ currency }) => currency === 'usd')
  return { per_month_cents: sum(inDollars.map((plan) => plan.per_month_cents)), subscriptions }
}

function sumLedger(ledger: Read['ledger']) {
  const read = (state: 'pending' | 'refused' | 'unknown') => {
    const found = ledger.find((one) => one.state === state)
    return { rows: found?.rows ?? 0, amount_usd: toUsd(BigInt(found?.micro_usd ?? 0)) }
  }
  return { pending: read('pending'), refused: read('refused'), unknown: read('unknown') }
}

const toSending = ({ waiting, day, month }: Read['mails']) => ({
  waiting,
  failed_24_hours: day,
  failed_30_days: month,
})
