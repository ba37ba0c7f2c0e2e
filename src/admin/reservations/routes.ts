import { apiRoute, newRouter } from '../../api/api-route.ts'
import { ReservationParams } from '../../usage/reservations/open-schemas.ts'
import { SettlementBody } from '../../usage/reservations/schemas.ts'
import { OrganizationParams } from '../organizations/schemas.ts'
import { cancelReservation } from './cancel.ts'

const cancelRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:usage',
  method: 'post',
  path: '/admin/organizations/{organization_id}/reservations/{id}/cancel',
  tag: 'Administration',
  operationId: 'cancelReservation',
  summary: "Cancel a customer's reservation",
  description:
    'Releases the held units at once. The response is that of a settlement with `cancel`; `released` is false if the reservation was already settled, canceled or expired. The work itself is not stopped: if it is settled afterwards, its usage counts.',
  params: OrganizationParams.extend(ReservationParams.shape),
  returns: { 200: SettlementBody },
  fails: ['organization_not_found', 'reservation_not_found'],
})

export const adminReservationRoutes = newRouter().openapi(cancelRoute, async (c) => {
  const { deps, operator, organizationId } = c.var
  return c.json(await cancelReservation(deps, { operator, organizationId, id: c.req.valid('param').id }), 200)
})
