import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { ProviderName } from '../providers/provider.ts'
import type { Refund, ReversedPayment } from './refunds.ts'

/** Sums are of one payment, and so in one currency. */
const selectReversed = (provider: ProviderName, { id, paymentId }: Refund) => sql`
  select coalesce(sum(r.cents) filter (where r.kind = 'refund' and not r.is_undone), 0)::float8 as refunded,
    coalesce(sum(r.cents) filter (where r.kind = 'refund' and r.is_undone and r.was_summed), 0)::float8 as failed,
    coalesce(bool_or(r.is_undone) filter (where r.id = ${id}), false) as is_undone
  from payment_reversals r where r.provider = ${provider} and r.payment_id = ${paymentId}`

/** What is known of the refunds and disputes of a payment. */
export async function readReversed(db: Database, provider: ProviderName, refund: Refund): Promise<ReversedPayment> {
  const { rows } = await db.execute<{ refunded: number; failed: number; is_undone: boolean }>(
    selectReversed(provider, refund),
  )
  const { refunded = 0, failed = 0, is_undone: isUndone = false } = rows[0] ?? {}
  return { refundedCents: refunded, failedCents: failed, isUndone }
}

/** Whether nothing else was told of them meanwhile. The lock of the payment must be held. */
export const isReversedStill = (provider: ProviderName, refund: Refund, reversed: ReversedPayment): SQL =>
  sql`(select (refunded, failed, is_undone) = (${reversed.refundedCents}::float8, ${reversed.failedCents}::float8, ${reversed.isUndone}::boolean)
    from (${selectReversed(provider, refund)}) now)`
