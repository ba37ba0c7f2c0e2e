import type { OpenApi, Operation } from '../openapi-document.ts'
import type { ClientMethod } from './list.ts'

/** What the `id` in a path identifies, as the clients name it. */
const ID_NAMES: readonly (readonly [path: RegExp, name: string])[] = [
  [/\/api-keys\//, 'key_id'],
  [/\/reservations\//, 'reservation_id'],
  [/\/prices\//, 'price_id'],
  [/\/invitations\//, 'invitation_id'],
  [/\/webhook-endpoints\/|\/admin\/webhooks\//, 'endpoint_id'],
  [/\/users\//, 'user_id'],
  [/\/billing\/events\//, 'event_id'],
  [/\/ledger\//, 'row_id'],
  [/\/mails\//, 'mail_id'],
  [/\/deliveries\//, 'delivery_id'],
]

/** @returns undefined for a path without an `id` @throws Error if the `id` has no name here */
export function nameId(name: string): string | undefined {
  if (!name.includes('{id}')) return undefined
  const found = ID_NAMES.find(([pattern]) => pattern.test(name))
  if (!found) throw new Error(`Say in ID_NAMES what the id of ${name} is called.`)
  return found[1]
}

/** Where the input goes, besides the path: `both` sends the organization in the query and the rest in the body. */
export type Way = 'bare' | 'query' | 'body' | 'both' | 'pages'

/** @returns how a method sends its input */
export function findWay({ name, operation }: Pick<ClientMethod, 'name' | 'operation'>): Way {
  const inQuery = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')
  if (inQuery.some((parameter) => parameter.name === 'cursor')) return 'pages'
  if (operation.requestBody) return inQuery.length > 0 ? 'both' : 'body'
  return inQuery.length > 0 || name.includes('{') ? 'query' : 'bare'
}

/** The schema of an operation's body, with its reference resolved. */
export function readBody({ requestBody }: Operation, { components }: OpenApi) {
  const schema = requestBody?.content?.['application/json']?.schema ?? {}
  return schema.$ref ? (components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema
}
