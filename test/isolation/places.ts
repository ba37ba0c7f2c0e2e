import type { Operation, Schema } from '../support/openapi.ts'
import { bodiesOf, type Document, resolved, valueOf } from './bodies.ts'
import type { Kind } from './world.ts'

/** Where a route accepts an id. */
export interface Place {
  readonly in: 'path' | 'query' | 'body'
  readonly path: readonly string[]
  /** `undefined` if the kind of its ids is not declared. */
  readonly kind: Kind | undefined
}

/** The kind of an id, by the name of its field. */
const OF_NAME: Readonly<Record<string, Kind>> = {
  organization_id: 'organization',
  tab_organization_id: 'organization',
  external_id: 'customer',
  user_id: 'user',
  actor_id: 'user',
  target_id: 'key',
  created_by: 'user',
  key_id: 'key',
  session_id: 'session',
  invitation_id: 'invitation',
  endpoint_id: 'endpoint',
  delivery_id: 'delivery',
  alert_id: 'alert',
  event_id: 'event',
  reservation_id: 'reservation',
  plan_id: 'plan',
  slug: 'meter',
  for: 'organization',
  grant_id: 'credit_grant',
}

/** The kind of a plain `id`, by the part of the path before it. */
const OF_COLLECTION: Readonly<Record<string, Kind>> = {
  organizations: 'organization',
  members: 'user',
  users: 'user',
  sessions: 'session',
  identities: 'identity',
  passkeys: 'passkey',
  'api-keys': 'key',
  'service-keys': 'key',
  invitations: 'invitation',
  domains: 'domain',
  groups: 'group',
  roles: 'role',
  grants: 'grant',
  'webhook-endpoints': 'endpoint',
  deliveries: 'delivery',
  alerts: 'alert',
  events: 'event',
  requests: 'event',
  usage: 'event',
  plans: 'plan',
  reservations: 'reservation',
  'billing/events': 'billing_event',
  mails: 'mail',
  ledger: 'ledger_row',
  routes: 'gateway_route',
  prices: 'model_price',
  webhooks: 'endpoint',
}

/** A provider's own names, and request ids: nobody's object is looked up by them. */
const OPAQUE = /^(polar|stripe|provider)_|^(request|client)_id$/

const isId = (name: string, { format }: Schema) =>
  !OPAQUE.test(name) && (format === 'uuid' || /^(id|.*_id|.*_by)$/.test(name))

/** Every place of a route that accepts an id. */
export function placesOf(operation: Operation, document: Document): Place[] {
  const { line, parameters, body } = operation
  const parts = (line.split(' ')[1] ?? '').split('/')
  const before = (name: string) => collectionOf(parts.slice(0, parts.indexOf(`{${name}}`)))
  const last = parts.findLast((part) => !part.startsWith('{')) ?? ''
  const kindOf = (name: string, collection: string) => OF_NAME[name] ?? OF_COLLECTION[collection]
  const asked = parameters.flatMap(({ name, in: where, schema }): Place[] => {
    if (where === 'path') return [{ in: where, path: [name], kind: kindOf(name, before(name)) }]
    if (where === 'query' && isId(name, schema)) return [{ in: where, path: [name], kind: kindOf(name, last) }]
    return []
  })
  const inBody = [...(body ? idsIn(body, document) : [])].map((path): Place => {
    const name = path.at(-1) ?? ''
    return { in: 'body', path, kind: kindOf(name, name === 'id' ? last : '') }
  })
  return [...asked, ...inBody]
}

/** The last part of a path, with the one before it if that says more. */
function collectionOf(parts: readonly string[]): string {
  const both = parts.slice(-2).join('/')
  return both in OF_COLLECTION ? both : (parts.at(-1) ?? '')
}

function* idsIn(given: Schema, document: Document, path: readonly string[] = []): Generator<readonly string[]> {
  const schema = resolved(given, document)
  for (const one of schema.anyOf ?? []) yield* idsIn(one, document, path)
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    if (name === 'addons') continue // their ids are names that a plan gives them
    if (isId(name, resolved(member, document))) yield [...path, name]
    else yield* idsIn(member, document, [...path, name])
  }
  if (schema.items) yield* idsIn(schema.items, document, [...path, '0'])
}

/** Whether the guard looks there for the organization of a request. */
export const isOrganization = ({ path }: Place) => path.length === 1 && path[0] === 'organization_id'

export const shown = ({ in: where, path }: Place) => `${where}.${path.join('.')}`

interface Asked {
  readonly document: Document
  readonly own: { readonly organization: string; readonly name: string }
  /** Ids by `shown` place. */
  readonly ids: Readonly<Record<string, string>>
  /** Which of the bodies; the first when absent. */
  readonly which?: number
}

/** A request that a route accepts, with these ids in it, as `call` expects it. */
export function requestOf(
  operation: Operation,
  { document, own, ids, which = 0 }: Asked,
): { line: string; body: unknown } {
  const query = new URLSearchParams(requiredQuery(operation))
  const body = structuredClone(bodiesOf(operation, document, own)[which])
  let { line } = operation
  for (const [place, id] of Object.entries(ids)) {
    const [where, ...path] = place.split('.')
    if (where === 'path') line = line.replace(`{${path[0]}}`, encodeURIComponent(id))
    else if (where === 'query') query.set(path[0] ?? '', id)
    else setIn(body as Record<string, unknown>, path, id)
  }
  return { line: query.size > 0 ? `${line}?${query.toString()}` : line, body }
}

function requiredQuery({ parameters }: Operation): Record<string, string> {
  const needed = parameters.filter((one) => one.in === 'query' && one.required)
  return Object.fromEntries(needed.map(({ name, schema }) => [name, String(valueOf(schema, {}, name))]))
}

function setIn(target: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) target[name] = value
  else setIn((target[name] ??= {}) as Record<string, unknown>, rest, value)
}
