import { sql as text } from 'drizzle-orm'
import fc from 'fast-check'
import { beforeAll, expect, test, vi } from 'vitest'
import { correctCredits, revokeCredits } from '../../../../src/billing/credits/change-grant.ts'
import { grantCredits } from '../../../../src/billing/credits/grant-credits.ts'
import { applyPayment } from '../../../../src/billing/credits/purchase.ts'
import { settleCredits } from '../../../../src/billing/credits/settle.ts'
import { toNanoUsd, toUsd } from '../../../../src/lib/usd.ts'
import { VERIFICATION } from '../../../../src/metering/event.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { Problem } from '../../../../src/problems.ts'
import { CreditModel, type ModelGrant } from '../../../support/credit-model.ts'
import { Step } from '../../../support/credit-steps.ts'
import { at } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../../support/histories-check.ts'
import { newUser } from '../../../support/http.ts'
import { managementDeps } from '../../../support/management.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // charges of unknown organizations are logged

const { sql } = directly()
const HOUR_MS = 3_600_000
const START = Date.UTC(2027, 2, 10)
const OPERATOR = {
  kind: 'service',
  keyId: null,
  lineageId: 'test',
  organizationId: crypto.randomUUID(),
  scopes: [],
  onBehalfOf: null,
} as const

/** A plan that goes on without credits. */
const PLAN = `on-${crypto.randomUUID().slice(0, 8)}`
beforeAll(() =>
  sql.query(
    `insert into plans (id, name, limits, features, at_no_credits, is_public) select $1, 'On', limits, features, 'allow', false from plans where id = 'free'`,
    [PLAN],
  ),
)

interface Bought {
  cents: number
  refundedCents: number
  isPaid: boolean
  grant?: ModelGrant
  taken: bigint
}

const signed = ({ kind, amount }: Extract<Step, { kind: 'charge' | 'uncharge' }>) =>
  kind === 'charge' ? amount : -amount

async function newHistory() {
  const { user } = await newUser()
  const organizationId = user.organization_id as string
  const model = new CreditModel()
  const bought = new Map<number, Bought>()
  /** What verifications were charged, by the lanes that counted them. */
  const lanes: [bigint, bigint] = [0n, 0n]
  let now = START

  const deps = () => managementDeps(at(now))
  /**
   * Changes the charges of a period as reports and corrections do: a correction takes at most what was charged, first the
   * part that the plan covered. @returns the change for the credits
   */
  async function charge(amount: bigint): Promise<bigint> {
    const period = [organizationId, '2027-03-01T00:00:00Z']
    const [known] = await sql.query(
      'select charge_usd::text as charge, covered_usd::text as covered from usage_periods where organization_id = $1 and period_start = $2',
      period,
    )
    const [charged, covered] = [toNanoUsd(known?.charge ?? '0'), toNanoUsd(known?.covered ?? '0')]
    const change = amount < -charged ? -charged : amount
    const uncovered = change < -covered ? covered : change < 0n ? -change : 0n
    await sql.query(
      `insert into usage_periods as u (organization_id, period_start, charge_usd) values ($1, $2, $3)
       on conflict (organization_id, period_start) do update set charge_usd = u.charge_usd + excluded.charge_usd,
         covered_usd = u.covered_usd - $4, updated_at = now()`,
      [...period, toUsd(change), toUsd(uncovered)],
    )
    return change + uncovered
  }
  const lookup = async () => {
    const rows = await sql.query(
      `select id, remaining::text as remaining, burned::text as burned from credit_grants where organization_id = $1`,
      [organizationId],
    )
    return new Map(rows.map((row) => [row.id as string, row]))
  }
  const refused = async (work: Promise<unknown>, codes: readonly string[]) => {
    const code = await work.then(
      () => undefined,
      (error: unknown) => (error instanceof Problem ? error.code : Promise.reject(error)),
    )
    if (code !== undefined) expect(codes).toContain(code)
    return code !== undefined
  }

  async function addBought(paymentId: string, cents: number) {
    const rows = await sql.query('select grant_id from credit_purchases where provider = $1 and payment_id = $2', [
      'stripe',
      paymentId,
    ])
    return model.add(rows[0]?.grant_id, BigInt(cents) * 10_000_000n, null, 0)
  }

  async function buy(step: Extract<Step, { kind: 'buy' }>): Promise<void> {
    const known = bought.get(step.which) ?? { ...step, refundedCents: 0, isPaid: false, taken: 0n }
    bought.set(step.which, known)
    known.refundedCents = Math.min(known.cents, Math.max(known.refundedCents, step.refundedCents))
    const payment = {
      provider: 'stripe',
      paymentId: `pi_${organizationId}_${step.which}`,
      organizationId,
      customerId: undefined,
      creditCents: step.isPaid ? known.cents : undefined,
      paidCents: known.cents,
      refundedCents: step.refundedCents,
    } as const
    const one = deps()
    const cause = { because: 'test', alsoWrite: () => one.db.execute(text`select 1`) }
    await Promise.all(Array.from({ length: step.times }, () => applyPayment(one, payment, cause)))
    model.settle(now)
    known.isPaid ||= step.isPaid
    const isNew = known.isPaid && !known.grant
    if (isNew) known.grant = await addBought(payment.paymentId, known.cents)
    if (!known.grant) return
    const due = BigInt(known.refundedCents) * 10_000_000n - known.taken
    const takes = due < known.grant.remaining ? due : known.grant.remaining
    if (isNew) model.payOwed(known.grant.remaining - takes)
    if (due > 0n) {
      known.grant.remaining -= takes
      known.grant.shortfall += due - takes
      known.taken += due
    }
  }

  async function grantSome(step: Extract<Step, { kind: 'grant' }>): Promise<void> {
    const expiresAt = step.hours === null ? null : now + step.hours * HOUR_MS
    const input = { amount: toUsd(step.amount), reason: 'x', source: 'admin', priority: step.priority } as const
    const expires_at = expiresAt === null ? undefined : new Date(expiresAt).toISOString()
    const { id } = await grantCredits(deps(), { operator: OPERATOR, organizationId, input: { ...input, expires_at } })
    model.settle(now)
    model.add(id, step.amount, expiresAt, step.priority)
    model.payOwed(step.amount)
  }

  async function revoke(grant: ModelGrant): Promise<void> {
    await revokeCredits(deps(), { operator: OPERATOR, organizationId, grantId: grant.id, reason: 'x' })
    model.settle(now)
    grant.remaining = 0n
    grant.isOver = true
  }

  async function correct(grant: ModelGrant, amount: bigint): Promise<void> {
    if (amount === 0n) return
    const act = { operator: OPERATOR, organizationId, grantId: grant.id, reason: 'x', amount: toUsd(amount) }
    const isRefused = await refused(correctCredits(deps(), act), ['credit_grant_ended', 'credit_grant_spent'])
    model.settle(now)
    expect(isRefused).toBe(grant.isOver || grant.remaining + amount < 0n)
    if (isRefused) return
    grant.remaining += amount
    model.payOwed(amount)
  }

  async function move(goesOn: boolean): Promise<void> {
    await sql.query('update organizations set plan_id = $2 where id = $1', [organizationId, goesOn ? PLAN : 'free'])
    model.move(goesOn)
  }

  async function change(amount: bigint): Promise<void> {
    model.charge(await charge(amount))
  }

  /** A verification that was charged. Its event may arrive several times, at once and after the end of its period. */
  async function verified({ price, calls, lane, isLate, times }: Extract<Step, { kind: 'call' }>): Promise<void> {
    const event = {
      id: crypto.randomUUID(),
      source: VERIFICATION,
      organization_id: organizationId,
      occurred_at: new Date(isLate ? START - 20 * 24 * HOUR_MS : START).toISOString(),
      api_calls: calls,
      price_per_call_usd: toUsd(price),
      ...(lane !== undefined && { lane }),
    }
    await Promise.all(Array.from({ length: times }, () => writeUsage(at(now), [event])))
    const amount = price * BigInt(calls)
    model.charge(amount)
    if (lane !== undefined) lanes[lane] += amount
  }

  async function settle(times: number): Promise<void> {
    await Promise.all(Array.from({ length: times }, () => settleCredits(at(now), organizationId)))
    model.settle(now)
  }

  async function run(step: Step): Promise<void> {
    if (step.kind === 'wait') now += step.hours * HOUR_MS
    else if (step.kind === 'move') await move(step.goesOn)
    else if (step.kind === 'charge' || step.kind === 'uncharge') await change(signed(step))
    else if (step.kind === 'call') await verified(step)
    else await actOnCredits(step)
  }

  async function actOnCredits(
    step: Exclude<Step, { kind: 'wait' | 'charge' | 'uncharge' | 'call' | 'move' }>,
  ): Promise<void> {
    const grant = 'which' in step ? model.grants[step.which % Math.max(1, model.grants.length)] : undefined
    if (step.kind === 'settle') await settle(step.times)
    else if (step.kind === 'grant') await grantSome(step)
    else if (step.kind === 'buy') await buy(step)
    else if (grant) await (step.kind === 'revoke' ? revoke(grant) : correct(grant, step.amount))
  }

  async function check(): Promise<void> {
    const [sums] = await sql.query(
      `select coalesce(sum(amount), 0)::text as balance, coalesce(-sum(amount) filter (where kind in ('burn', 'return')), 0)::text as burned
       from credit_ledger where organization_id = $1`,
      [organizationId],
    )
    const [account] = await sql.query(
      `select (granted - burned)::text as balance, burned::text as burned from credit_accounts where organization_id = $1`,
      [organizationId],
    )
    const known = await lookup()
    const stored = [...known.values()].reduce((sum, { remaining }) => sum + toNanoUsd(remaining), 0n)
    const balance = toNanoUsd(sums?.balance)
    expect([balance, toNanoUsd(account?.balance ?? '0'), stored]).toEqual([stored, stored, stored])
    expect(toNanoUsd(account?.burned ?? '0')).toBe(toNanoUsd(sums?.burned))
  }

  async function compare(): Promise<void> {
    const [parts] = await sql.query(
      'select sum(even_charges)::text as even, sum(odd_charges)::text as odd from usage_periods where organization_id = $1',
      [organizationId],
    )
    expect([toNanoUsd(parts?.even ?? '0'), toNanoUsd(parts?.odd ?? '0')]).toEqual(lanes)
    const known = await lookup()
    const seen = model.grants.map(({ id }) => [toNanoUsd(known.get(id)?.remaining), toNanoUsd(known.get(id)?.burned)])
    expect(seen).toEqual(model.grants.map(({ remaining, burned }) => [remaining, burned]))
    if (!model.goesOn || !model.isUsed) return
    const [account] = await sql.query('select owed::text as owed from credit_accounts where organization_id = $1', [
      organizationId,
    ])
    expect(toNanoUsd(account?.owed)).toBe(model.owed)
  }

  return { run, check, compare, model }
}

test(
  'after any history of charges, calls, grants, expiries, revocations and refunds the ledger equals the balance',
  async () => {
    await checkHistories(
      fc.asyncProperty(fc.array(Step, { minLength: 4, maxLength: 22 }), async (steps) => {
        const { run, check, compare, model } = await newHistory()
        for (const step of steps) {
          await run(step)
          await check()
        }
        await run({ kind: 'settle', times: 2 })
        await check()
        await compare()
        expect(model.burned <= model.charged || model.burned === 0n).toBe(true)
      }),
      { runs: 30 },
    )
  },
  HISTORIES_TIMEOUT_MS,
)
