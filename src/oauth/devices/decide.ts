import type * as z from 'zod'
import type { UserPrincipal } from '../../auth/principal.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { describeWish, requireMayAgree } from '../consent.ts'
import type { AuthorizationRequest, DeviceDecision } from '../schemas.ts'
import { type DeviceRow, decideDevice, findWaiting, isDecided } from './queries.ts'
import { readUserCode } from './user-code.ts'

/**
 * Describes the device request that waits under a code, for the page where its user decides.
 *
 * @throws Problem `device_code_unknown`, `organization_not_found`, `rate_limited`
 */
export async function describeDevice(
  deps: ManagementDeps,
  user: UserPrincipal,
  entered: string,
): Promise<z.output<typeof AuthorizationRequest>> {
  await requireMayAsk(deps, user)
  const found = await findWaiting(deps.db, readUserCode(entered), new Date(deps.now()))
  if (!found) throw new Problem('device_code_unknown')
  return describeWish(deps, user, { client: found.client, wish: found.device, redirectsTo: null })
}

/**
 * A user allows a device to act for their active organization, or declines. The device learns the decision at its next poll. The same
 * decision again changes nothing: the first response may have been lost.
 *
 * @throws Problem as {@link describeDevice} and `requireMayAgree`; `invalid_request` for a scope that was not asked for
 */
export async function decideForDevice(
  deps: ManagementDeps,
  user: UserPrincipal,
  answer: z.output<typeof DeviceDecision>,
): Promise<void> {
  const { db } = deps
  await requireMayAsk(deps, user)
  const [code, now] = [readUserCode(answer.user_code), new Date(deps.now())]
  const found = await findWaiting(db, code, now)
  const decided = found && (await toDecision(deps, user, found.device, answer))
  if (decided && (await decideDevice(db, code, now, decided))) return
  const { decision } = answer
  if (!(await isDecided(db, code, now, { decision, userId: user.userId }))) throw new Problem('device_code_unknown')
}

async function toDecision(
  deps: ManagementDeps,
  user: UserPrincipal,
  device: DeviceRow,
  { for: shown, decision, scope }: z.output<typeof DeviceDecision>,
) {
  const { userId } = user
  const given = scope === undefined ? device.scopes : [...new Set(scope.split(' ').filter(Boolean))]
  const foreign = given.find((one) => !device.scopes.includes(one))
  if (foreign !== undefined)
    throw new Problem('invalid_request', { errors: [{ path: 'body.scope', message: `was not asked for: ${foreign}` }] })
  if (decision === 'deny') return { decision, userId, organizationId: null, scopes: device.scopes }
  const organizationId = await requireMayAgree(deps, user, { scopes: given, shown })
  return { decision, userId, organizationId, scopes: given }
}

/** @throws Problem `not_found` if applications are disabled; `rate_limited` */
async function requireMayAsk(deps: ManagementDeps, { userId }: UserPrincipal): Promise<void> {
  if (Object.keys(deps.config.OAUTH_SCOPES).length === 0) throw new Problem('not_found')
  await enforceRateLimits(deps, { oauth_device_account: { account: userId } })
}
