import { apiRoute, newRouter } from '../../api/api-route.ts'
import { type Principal, personId } from '../../auth/principal.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { extendReservation, getReservation, listReservations } from './open-holds.ts'
import {
  ExtendBody,
  Extension,
  OpenReservation,
  OpenReservationList,
  ReservationOwner,
  ReservationParams,
  ReservationQuery,
} from './open-schemas.ts'
import { reserve } from './reserve.ts'
import { ReservationBody, ReserveBody, SettleBody, SettlementBody } from './schemas.ts'
import { settle } from './settle.ts'

const common = {
  allow: 'usage:write',
  ownersInBody: true,
  method: 'post',
  tag: 'Usage',
  credentials: true,
} as const

const reserveRoute = apiRoute({
  ...common,
  path: '/usage/reserve',
  operationId: 'reserveUsage',
  summary: 'Reserve quota for work whose cost is known later',
  description: `Holds the estimate on every meter, or on none. Always returns 200 with a verdict. \`held\` is the amount that may be used: pass it on
as \`max_tokens\`, for example. It is less than the estimate if the estimate would take nearly all that is left. A reservation expires
by itself, by default after 10 minutes.`,
  body: ReserveBody,
  returns: { 200: ReservationBody },
  fails: [
    'key_not_found',
    'organization_not_found',
    'rate_limited',
    'too_many_reservations',
    'idempotency_key_reused',
    'reservation_closed',
  ],
})

const settleRoute = apiRoute({
  ...common,
  path: '/usage/settle',
  operationId: 'settleUsage',
  summary: 'Settle a reservation',
  description: `Records the usage as an event and releases the hold. Settling twice counts once. Settling after the hold has expired still counts. \`cancel\` releases the hold without an event.`,
  body: SettleBody,
  returns: { 200: SettlementBody },
  fails: ['reservation_not_found', 'organization_not_found', 'rate_limited'],
})

const listRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/reservations',
  tag: 'Usage',
  operationId: 'listReservations',
  summary: 'List open reservations',
  description: 'Reservations that are neither settled nor expired, newest first.',
  query: ReservationQuery,
  returns: { 200: OpenReservationList },
  fails: ['organization_not_found'],
})

const readRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/reservations/{id}',
  tag: 'Usage',
  operationId: 'getReservation',
  summary: 'Read an open reservation',
  params: ReservationParams,
  query: ReservationOwner,
  returns: { 200: OpenReservation },
  fails: ['reservation_not_found', 'organization_not_found'],
})

const extendRoute = apiRoute({
  ...common,
  path: '/usage/reservations/{id}/extend',
  operationId: 'extendReservation',
  summary: 'Extend a reservation',
  description: 'For work that takes longer than expected. The held units stay the same.',
  params: ReservationParams,
  body: ExtendBody,
  returns: { 200: Extension },
  fails: ['reservation_not_found', 'reservation_closed', 'rate_limited'],
})

/** A key that was rotated is still the same caller. */
const callerId = (principal: Principal) => ('lineageId' in principal ? principal.lineageId : personId(principal))

export const reserveRoutes = newRouter()
  .openapi(reserveRoute, async (c) => {
    const organizationId = c.var.isService ? null : c.var.organizationId
    if (organizationId) await enforceRateLimits(c.var.deps, { usage_write_organization: { account: organizationId } })
    return c.json(
      await reserve(c.var.deps, c.req.valid('json'), { organizationId, id: callerId(c.var.principal) }),
      200,
    )
  })
  .openapi(settleRoute, async (c) => {
    const organizationId = c.var.isService ? null : c.var.organizationId
    if (organizationId) await enforceRateLimits(c.var.deps, { usage_write_organization: { account: organizationId } })
    return c.json(await settle(c.var.deps, c.req.valid('json'), organizationId), 200)
  })
  .openapi(listRoute, async (c) =>
    c.json(await listReservations(c.var.deps, c.var.organizationId, c.req.valid('query')), 200),
  )
  .openapi(readRoute, async (c) =>
    c.json(await getReservation(c.var.deps, c.var.organizationId, c.req.valid('param').id), 200),
  )
  .openapi(extendRoute, async (c) => {
    const organizationId = c.var.isService ? null : c.var.organizationId
    if (organizationId) await enforceRateLimits(c.var.deps, { usage_write_organization: { account: organizationId } })
    const extended = { ...c.req.valid('json'), reservation_id: c.req.valid('param').id }
    return c.json(await extendReservation(c.var.deps, extended, organizationId), 200)
  })
