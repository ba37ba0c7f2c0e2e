import type { Operation, Schema } from '../support/openapi.ts'
import type { Kind } from './world.ts'

/** An id of a kind that nothing has, in the same format as a real one. */
export const UNKNOWN: Readonly<Record<Kind, () => string>> = {
  organization: () => crypto.randomUUID(),
  customer: () => `customer-${crypto.randomUUID()}`,
  user: () => crypto.randomUUID(),
  session: () => crypto.randomUUID(),
  identity: () => crypto.randomUUID(),
  passkey: () => crypto.randomUUID(),
  key: () => crypto.randomUUID(),
  invitation: () => crypto.randomUUID(),
  domain: () => crypto.randomUUID(),
  group: () => crypto.randomUUID(),
  grant: () => crypto.randomUUID(),
  role: () => `r${crypto.randomUUID().slice(0, 8)}`,
  endpoint: () => crypto.randomUUID(),
  delivery: () => crypto.randomUUID(),
  alert: () => crypto.randomUUID(),
  event: () => `event-${crypto.randomUUID()}`,
  reservation: () => reservationIn(crypto.randomUUID()),
  plan: () => `p${crypto.randomUUID().slice(0, 8)}`,
  billing_event: () => crypto.randomUUID(),
  mail: () => crypto.randomUUID(),
  credit_grant: () => crypto.randomUUID(),
  gateway_route: () => crypto.randomUUID(),
  meter: () => `m${crypto.randomUUID().slice(0, 8)}`,
  model_price: () => crypto.randomUUID(),
  ledger_row: () => `${crypto.randomUUID()}:tokens:1767225600:0`,
}

/** A reservation of this month that an organization could have made. */
const reservationIn = (organization: string) =>
  `hold_${organization.replaceAll('-', '')}_${new Date().toISOString().slice(0, 7)}_${crypto.randomUUID().replaceAll('-', '').slice(0, 22)}`

/** Text that must have a format: by the field's name. */
const TEXTS: Readonly<Record<string, () => string>> = {
  key_ids: () => crypto.randomUUID(),
  email: () => `${crypto.randomUUID()}@example.com`,
  new_email: () => `${crypto.randomUUID()}@example.com`,
  url: () => 'https://hooks.example.com/changed',
  hash: () => crypto.randomUUID().replaceAll('-', '').repeat(2),
  upstream: () => 'https://upstream.example.com',
  amount: () => '1.00',
  cost_usd: () => '1.00',
  low_balance: () => '1.00',
  domain: () => `${crypto.randomUUID()}.example.org`,
  slug: () => `s${crypto.randomUUID().slice(0, 8)}`,
  plan: () => 'starter',
  role: () => 'viewer',
  id: () => `x${crypto.randomUUID().slice(0, 8)}`,
}

interface Own {
  readonly organization: string
  readonly name: string
}

/** Bodies that do not follow from the schema; several if a field decides what is done. */
const BODIES: Readonly<Record<string, (own: Own) => readonly unknown[]>> = {
  'POST /api/v1/usage': () => [{ events: [{ queries: 1 }] }],
  'POST /api/v1/auth/sign-in': () => [
    { provider: 'nobody', return_to: 'https://api.example.com/', code_challenge: 'a'.repeat(43) },
  ],
  'POST /api/v1/usage/corrections': ({ organization }) => [
    { event_id: `event-${crypto.randomUUID()}`, organization_id: organization, void: true, reason: 'Wrong' },
  ],
  'POST /api/v1/usage/reserve': () => [{ queries: 1, expires_in_seconds: 1 }],
  'POST /api/v1/usage/settle': ({ organization }) => [
    { reservation_id: reservationIn(organization), queries: 1 },
    { reservation_id: reservationIn(organization), cancel: true },
  ],
  'POST /api/v1/organizations/{organization_id}/roles': () => [
    { name: `r${crypto.randomUUID().slice(0, 8)}`, permissions: ['organization:read'] },
  ],
  /** Nobody joins: a join role would also depend on the caller's own role. */
  'PATCH /api/v1/organizations/{organization_id}/domains/{id}': () => [{ join_role: null }],
  /** The name stays: of another organization it would be another one. */
  'PATCH /api/v1/organizations/{organization_id}': ({ name }) => [{ name }],
  /** The provider stays, so that it need not answer. */
  'PUT /api/v1/organizations/{organization_id}/sso': () => [{ issuer: 'https://id.example.com', client_id: 'matrix' }],
  /** With the right name: what keeps the organization is the password, which is looked at last. */
  'DELETE /api/v1/organizations/{organization_id}': ({ name }) => [{ confirm_name: name, password: 'not theirs' }],
}

/**
 * The small bodies that a route is asked with: what it requires, or its first field where it requires none, so that
 * something would change. A route for which this is not right shows up as one that answers `invalid_request`.
 */
export function bodiesOf({ line, body }: Operation, document: Document, own: Own): readonly unknown[] {
  if (!body) return [undefined]
  return BODIES[line]?.(own) ?? [valueOf(body, document)]
}

// biome-ignore lint/suspicious/noExplicitAny: the document as it is
export type Document = any

export function resolved(schema: Schema, document: Document): Schema & { readonly anyOf?: readonly Schema[] } {
  return schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema
}

/** A value that a schema accepts, as far as it says. */
export function valueOf(given: Schema, document: Document, name = ''): unknown {
  const schema = resolved(given, document)
  if (schema.enum) return schema.enum[0]
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.find((one) => one !== 'null')
  const alternative = schema.anyOf?.[0]
  if (alternative) return valueOf(alternative, document, name)
  return VALUES[type ?? 'object']?.(schema, document, name)
}

const VALUES: Readonly<Record<string, (schema: Schema, document: Document, name: string) => unknown>> = {
  object: ({ properties = {}, required = [] }, document) => {
    const names = required.length > 0 ? required : Object.keys(properties).slice(0, 1)
    return Object.fromEntries(names.map((name) => [name, valueOf(properties[name] ?? {}, document, name)]))
  },
  array: ({ items }, document, name) => (items ? [valueOf(items, document, name)] : []),
  string: (schema, _, name) => textOf(schema, name),
  integer: (schema) => (schema as { minimum?: number }).minimum ?? 1,
  number: (schema) => (schema as { minimum?: number }).minimum ?? 1,
  boolean: () => true,
}

function textOf({ format }: Schema, name: string): string {
  if (format === 'uuid') return crypto.randomUUID()
  if (format === 'date-time') return '2026-11-01T00:00:00Z'
  return TEXTS[name]?.() ?? 'A text of the matrix'
}
