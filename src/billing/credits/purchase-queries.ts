import { and, desc, eq, inArray, isNotNull, ne, not, type SQL, sql } from 'drizzle-orm'
import { runBatch } from '../../db/batch.ts'
import { lockPayment } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import { creditGrants, creditPurchases, paymentReversals } from '../../db/schema/credits.ts'
import { organizations } from '../../db/schema/organizations.ts'
import type { ProviderName } from '../providers/provider.ts'
import type { Reversal } from '../webhooks/reversals.ts'
import type { ReversedCents } from './rules.ts'

interface PaymentRef {
  readonly provider: ProviderName
  readonly paymentId: string
}

export type PurchaseRow = NonNullable<Awaited<ReturnType<typeof findPurchase>>>

/** A purchase of credits, with the remainder of its grant, and whether the operator revoked the grant. */
export async function findPurchase(db: Database, { provider, paymentId }: PaymentRef) {
  const { organizationId, creditCents, paidCents, refundedCents, takenBack, shortfall, grantId } = creditPurchases
  const [row] = await db
    .select({
      organizationId,
      creditCents,
      paidCents,
      refundedCents,
      takenBack,
      shortfall,
      grantId,
      remaining: creditGrants.remaining,
      isRevoked: sql<boolean>`${creditGrants.revokedAt} is not null`,
    })
    .from(creditPurchases)
    .leftJoin(creditGrants, eq(creditGrants.id, grantId))
    .where(and(eq(creditPurchases.provider, provider), eq(creditPurchases.paymentId, paymentId)))
  return row
}

/**
 * Stores the provider's state of a refund or dispute. A reversal that was undone stays undone, and one that was included in a
 * sum stays included, whatever the order of events.
 */
export async function upsertReversal(db: Database, reversal: Reversal): Promise<void> {
  const { cents, currency } = reversal
  const isUndone = sql`${paymentReversals.isUndone} or excluded.is_undone`
  const wasSummed = sql`${paymentReversals.wasSummed} or excluded.was_summed`
  await runBatch(db, {
    lock: lockPayment(db, reversal),
    reversal: db
      .insert(paymentReversals)
      .values(reversal)
      .onConflictDoUpdate({
        target: [paymentReversals.provider, paymentReversals.id],
        set: { cents, currency, isUndone, wasSummed, updatedAt: new Date() },
      }),
  })
}

/** The currency of credits. */
export const CREDIT_CURRENCY = 'usd'

const sumCents = (condition: string) =>
  sql`coalesce(sum(r.cents) filter (where r.currency = ${CREDIT_CURRENCY} and ${sql.raw(condition)}), 0)`

const REVERSED = {
  refunded: sumCents("r.kind = 'refund' and not r.is_undone"),
  failed: sumCents("r.kind = 'refund' and r.is_undone and r.was_summed"),
  disputed: sumCents("r.kind = 'dispute' and not r.is_undone"),
}

const fromReversals = ({ provider, paymentId }: PaymentRef) =>
  sql`from payment_reversals r where r.provider = ${provider} and r.payment_id = ${paymentId}`

/** The amount of a payment that was refunded or disputed, in the currency of credits. */
export async function sumReversals(db: Database, payment: PaymentRef): Promise<ReversedCents> {
  const { refunded, failed, disputed } = REVERSED
  const { rows } = await db.execute<{ refunded: number; failed: number; disputed: number }>(sql`
    select ${refunded}::float8 as refunded, ${failed}::float8 as failed, ${disputed}::float8 as disputed ${fromReversals(payment)}`)
  return rows[0] ?? { refunded: 0, failed: 0, disputed: 0 }
}

/** The amounts of a payment that were refunded or disputed in other currencies. */
export function listInOtherCurrencies(db: Database, { provider, paymentId }: PaymentRef) {
  const { id, currency, cents, isUndone } = paymentReversals
  return db
    .select({ id, currency, cents })
    .from(paymentReversals)
    .where(
      and(
        eq(paymentReversals.provider, provider),
        eq(paymentReversals.paymentId, paymentId),
        ne(currency, CREDIT_CURRENCY),
        not(isUndone),
      ),
    )
}

/** Whether a purchase, its reversals and the remainder of its grant are unchanged since they were read. */
export function isPurchase(known: PurchaseRow | undefined, reversed: ReversedCents, payment: PaymentRef): SQL {
  const { refunded, failed, disputed } = reversed
  const isReversed = sql`(select (${REVERSED.refunded}, ${REVERSED.failed}, ${REVERSED.disputed})
    = (${refunded}::numeric, ${failed}::numeric, ${disputed}::numeric) ${fromReversals(payment)})`
  const one = sql`select 1 from credit_purchases p left join credit_grants g on g.id = p.grant_id
    where p.provider = ${payment.provider} and p.payment_id = ${payment.paymentId}`
  if (!known) return sql`not exists (${one}) and ${isReversed}`
  return sql`${isReversed} and exists (${one} and p.refunded_cents = ${known.refundedCents}::bigint and p.paid_cents = ${known.paidCents}::bigint
    and p.taken_back = ${known.takenBack}::numeric and p.shortfall = ${known.shortfall}::numeric
    and p.grant_id is not distinct from ${known.grantId}::uuid and g.remaining is not distinct from ${known.remaining}::numeric
    and (g.revoked_at is not null) = ${known.isRevoked}::boolean)`
}

interface Purchase {
  readonly id: string
  readonly organizationId: string
  readonly provider: ProviderName
  readonly paymentId: string
  readonly customerId: string | undefined
  readonly creditCents: number | null
  readonly paidCents: number
  readonly refundedCents: number
  readonly grantId: string | null
  readonly takenBack: string
  readonly shortfall: string
}

export function upsertPurchase(db: Database, purchase: Purchase) {
  const { id, organizationId, provider, paymentId, customerId } = purchase
  const { creditCents, paidCents, refundedCents, grantId, takenBack, shortfall } = purchase
  const state = { creditCents, paidCents, refundedCents, grantId, takenBack, shortfall }
  const customer = customerId === undefined ? {} : { providerCustomerId: customerId }
  return db
    .insert(creditPurchases)
    .values({ id, organizationId, provider, paymentId, ...customer, ...state })
    .onConflictDoUpdate({
      target: [creditPurchases.provider, creditPurchases.paymentId],
      set: { ...customer, ...state, updatedAt: new Date() },
    })
}

/** Which of these payments are already granted here, with the refunded amount of each in cents. */
export function listGranted(db: Database, provider: ProviderName, paymentIds: readonly string[]) {
  const { paymentId, creditCents, refundedCents } = creditPurchases
  return db
    .select({ paymentId, refundedCents })
    .from(creditPurchases)
    .where(and(eq(creditPurchases.provider, provider), inArray(paymentId, [...paymentIds]), isNotNull(creditCents)))
}

/** Which of these organizations exist. */
export async function listPresent(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(inArray(organizations.id, [...ids]))
  return new Set(rows.map(({ id }) => id))
}

/** The customer who last bought credits for an organization: at one provider, or at any. */
export async function findPayer(db: Database, organizationId: string, only?: ProviderName) {
  const { provider, providerCustomerId, createdAt } = creditPurchases
  const [row] = await db
    .select({ provider, providerCustomerId: sql<string>`${providerCustomerId}` })
    .from(creditPurchases)
    .where(
      and(
        eq(creditPurchases.organizationId, organizationId),
        only === undefined ? undefined : eq(provider, only),
        isNotNull(providerCustomerId),
      ),
    )
    .orderBy(desc(createdAt))
    .limit(1)
  return row
}
