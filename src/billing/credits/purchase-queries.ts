import { and, desc, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { creditGrants, creditPurchases } from '../../db/schema/credits.ts'
import type { ProviderName } from '../providers/provider.ts'

export type PurchaseRow = NonNullable<Awaited<ReturnType<typeof findPurchase>>>

/** A purchase of credits, with what is left of its grant. */
export async function findPurchase(db: Database, provider: ProviderName, paymentId: string) {
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
    })
    .from(creditPurchases)
    .leftJoin(creditGrants, eq(creditGrants.id, grantId))
    .where(and(eq(creditPurchases.provider, provider), eq(creditPurchases.paymentId, paymentId)))
  return row
}

/** Whether a purchase, and what is left of its grant, is still as it was read. */
export function isPurchase(
  known: PurchaseRow | undefined,
  { provider, paymentId }: { readonly provider: ProviderName; readonly paymentId: string },
): SQL {
  const one = sql`select 1 from credit_purchases p left join credit_grants g on g.id = p.grant_id
    where p.provider = ${provider} and p.payment_id = ${paymentId}`
  if (!known) return sql`not exists (${one})`
  return sql`exists (${one} and p.refunded_cents = ${known.refundedCents}::bigint and p.paid_cents = ${known.paidCents}::bigint
    and p.grant_id is not distinct from ${known.grantId}::uuid and g.remaining is not distinct from ${known.remaining}::numeric)`
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

/** The customer at a provider who last bought credits for an organization. */
export async function findPayingCustomer(db: Database, organizationId: string, provider: ProviderName) {
  const { providerCustomerId, createdAt } = creditPurchases
  const [row] = await db
    .select({ id: providerCustomerId })
    .from(creditPurchases)
    .where(
      and(
        eq(creditPurchases.organizationId, organizationId),
        eq(creditPurchases.provider, provider),
        isNotNull(providerCustomerId),
      ),
    )
    .orderBy(desc(createdAt))
    .limit(1)
  return row?.id ?? undefined
}
