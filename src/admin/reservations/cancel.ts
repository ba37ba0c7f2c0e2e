import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { holdEventId, parseReservationId } from '../../usage/reservation-id.ts'
import { isOpenReservation } from '../../usage/reservations/open-holds.ts'
import { isSettled } from '../../usage/reservations/repeats.ts'
import type { Settlement } from '../../usage/reservations/schemas.ts'
import { settle } from '../../usage/reservations/settle.ts'

interface Cancellation {
  readonly operator: Operator
  readonly organizationId: string
  /** The reservation's id. */
  readonly id: string
}

/**
 * Cancels a customer's reservation and releases its units, with the same response as the customer's own cancellation:
 * `conflict` if the reservation was settled. The audit row is written first, and only if the reservation is open: a
 * repeat changes nothing.
 *
 * @throws Problem `organization_not_found`, `reservation_not_found` if it belongs to another organization, `unavailable` if
 *   Redis does not tell whether it is open
 */
export async function cancelReservation(
  deps: ManagementDeps,
  { operator, organizationId, id }: Cancellation,
): Promise<Settlement> {
  const hold = parseReservationId(id)
  if (hold?.organizationId !== organizationId) throw new Problem('reservation_not_found')
  if (!(await isOpenReservation(deps, organizationId, id))) {
    const isCounted = await isSettled(deps, organizationId, [holdEventId(hold)])
    return { outcome: isCounted ? 'conflict' : 'canceled', released: false }
  }
  await runBatch(deps.db, {
    found: requireThat(deps.db, isOrganization(organizationId), 'organization_not_found'),
    audit: audited(deps, {
      action: 'admin.reservation_canceled',
      actor: operator,
      organizationId,
      target: { type: 'reservation', id: holdEventId(hold) }, // the id without the subject, which may be erased later
    }),
  })
  return settle(deps, { reservation_id: id, cancel: true }, null)
}
