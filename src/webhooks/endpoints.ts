import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { newSecret, sealSecret } from '../events/sign.ts'
import { findTargetFlaw } from '../events/target-rules.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import {
  deleteEndpoint,
  type EndpointChanges,
  type EndpointOwner,
  type EndpointRef,
  type EndpointView,
  findEndpoint,
  insertEndpoint,
  replaceSecret,
  updateEndpoint,
} from './queries.ts'
import type { NewOperatorEndpoint, WebhookEndpointChanges } from './schemas.ts'
import { toEndpoint } from './serialize.ts'

/** How long after a rotation deliveries are also signed with the previous secret. */
const OVERLAP_MS = 24 * 3_600_000

interface WithSecret {
  readonly endpoint: EndpointView
  readonly secret: string
}

/**
 * Creates an endpoint. Only this answer contains its secret.
 *
 * @throws Problem `invalid_request` for an address that is not allowed, `webhook_endpoint_limit_reached`
 */
export async function createEndpoint(
  deps: ManagementDeps,
  principal: Principal,
  owner: EndpointOwner,
  request: z.output<typeof NewOperatorEndpoint>,
): Promise<WithSecret> {
  const now = deps.now()
  const one = { ...owner, id: uuidv7(now) }
  const secret = newSecret()
  const row = {
    ...one,
    url: allowedUrl(deps, request.url),
    description: request.description ?? null,
    events: [...new Set(request.events)],
    secret: await sealSecret(deps.config, one.id, secret),
    at: new Date(now),
  }
  const detail = { host: new URL(row.url).host, events: row.events }
  const auditRow = auditedFor(deps, principal, one, { action: 'webhook_endpoint.created', detail })
  const { at, secret: _sealed, isOperator: _, ...columns } = row
  const made = { isActive: true, disabledReason: null, failedEvents: 0, previousSecretUntil: null }
  const endpoint = { ...columns, ...made, createdAt: at, updatedAt: at }
  const kept = await keepAnswer(deps, 201, { ...toEndpoint(endpoint), secret })
  if (!(await insertEndpoint(deps.db, row, [auditRow, ...kept]))) throw new Problem('webhook_endpoint_limit_reached')
  return { endpoint, secret }
}

/** @throws Problem `webhook_endpoint_not_found`, also for another organization's endpoint */
export async function getEndpoint(deps: ManagementDeps, one: EndpointRef): Promise<EndpointView> {
  const endpoint = await findEndpoint(deps.db, one)
  if (!endpoint) throw new Problem('webhook_endpoint_not_found')
  return endpoint
}

/** @throws Problem `webhook_endpoint_not_found`, `invalid_request` */
export async function changeEndpoint(
  deps: ManagementDeps,
  principal: Principal,
  one: EndpointRef,
  request: z.output<typeof WebhookEndpointChanges>,
): Promise<EndpointView> {
  const changes = toChanges(deps, request)
  const changed = Object.keys(request)
  if (changed.length === 0) return getEndpoint(deps, one)
  const row = auditedFor(deps, principal, one, { action: 'webhook_endpoint.updated', detail: { changed } })
  return updateEndpoint(deps.db, one, changes, { row, at: new Date(deps.now()) })
}

function toChanges(deps: ManagementDeps, request: z.output<typeof WebhookEndpointChanges>): EndpointChanges {
  const { url, description, events, is_active } = request
  return {
    ...(url !== undefined && { url: allowedUrl(deps, url) }),
    ...(description !== undefined && { description }),
    ...(events !== undefined && { events: [...new Set(events)] }),
    ...(is_active !== undefined && {
      isActive: is_active,
      disabledReason: null,
      failedEvents: 0 as const,
    }),
  }
}

/** @throws Problem `webhook_endpoint_not_found` */
export async function removeEndpoint(deps: ManagementDeps, principal: Principal, one: EndpointRef): Promise<void> {
  const row = auditedFor(deps, principal, one, { action: 'webhook_endpoint.deleted' })
  await deleteEndpoint(deps.db, one, row)
}

/**
 * Gives an endpoint a new secret. For a day, deliveries carry a signature with each secret, so that the receiver may
 * switch at any time. After two rotations within a day, the oldest secret no longer works.
 *
 * @throws Problem `webhook_endpoint_not_found`
 */
export async function rotateSecret(deps: ManagementDeps, principal: Principal, one: EndpointRef): Promise<WithSecret> {
  const secret = newSecret()
  const sealed = await sealSecret(deps.config, one.id, secret)
  const row = auditedFor(deps, principal, one, { action: 'webhook_endpoint.secret_rotated' })
  const now = deps.now()
  const secrets = { secret: sealed, previousUntil: new Date(now + OVERLAP_MS), updatedAt: new Date(now) }
  const current = await getEndpoint(deps, one)
  const rotated = { ...current, previousSecretUntil: secrets.previousUntil, updatedAt: secrets.updatedAt }
  const kept = await keepAnswer(deps, 200, { ...toEndpoint(rotated), secret })
  const endpoint = await replaceSecret(deps.db, one, secrets, { row, kept })
  return { endpoint, secret }
}

interface ActionEntry {
  readonly action:
    | 'webhook_endpoint.created'
    | 'webhook_endpoint.updated'
    | 'webhook_endpoint.deleted'
    | 'webhook_endpoint.secret_rotated'
  readonly detail?: Readonly<Record<string, unknown>>
}

function auditedFor(deps: ManagementDeps, actor: Principal, one: EndpointRef, entry: ActionEntry) {
  const { organizationId, id } = one
  const target = { type: 'webhook_endpoint', id } as const
  return audited(deps, { ...entry, actor, organizationId, target })
}

/** @returns the parsed address. @throws Problem `invalid_request` that says what is wrong with it */
function allowedUrl({ config }: ManagementDeps, url: string): string {
  const flaw = findTargetFlaw(url, config.PUBLIC_URL)
  if (flaw) throw new Problem('invalid_request', { errors: [{ path: 'body.url', message: flaw }] })
  return new URL(url).href
}
