/** How the clients name each operation of the API that a key may call. Their methods are generated with these names. */
import type { OpenApi, Operation } from '../openapi-document.ts'
import { CUSTOMER_METHODS } from './customers.ts'
import type { Names } from './names.ts'
import { OPERATOR_METHODS } from './operator.ts'
import { SELLING_METHODS } from './selling.ts'

/** Hand-written methods: they do more than send a request and read the answer, or also work over a service binding. */
export const BY_HAND: Readonly<Record<string, Names>> = {
  'POST /keys/verify': ['keys.verify', 'verify_key'],
  'POST /auth/api-keys': ['keys.issue', 'issue_key'],
  'GET /auth/api-keys': ['keys.list', 'list_keys'],
  'PATCH /auth/api-keys/{id}': ['keys.update', 'update_key'],
  'POST /auth/api-keys/{id}/rotate': ['keys.rotate', 'rotate_key'],
  'DELETE /auth/api-keys/{id}': ['keys.revoke', 'revoke_key'],
  'POST /tokens/verify': ['tokens.verify', 'verify_token'],
  'PUT /admin/organizations/by-external-id/{external_id}': ['customers.upsert', 'upsert_customer'],
  'POST /usage': ['usage.send', 'send_usage'],
  'POST /usage/reserve': ['usage.reserve', 'reserve'],
  'POST /usage/settle': ['usage.settle', 'settle'],
  'POST /usage/reservations/{id}/extend': ['usage.extend', 'extend'],
  'GET /usage/summary': ['usage.summary', 'usage_summary'],
  'GET /quotas': ['quotas.get', 'get_quotas'],
}

/** Operations that a key may call but that have no method, with the reason. */
export const WITHOUT_METHOD: Readonly<Record<string, string>> = {
  'POST /auth/api-keys/generate': 'Another path of `POST /auth/api-keys`.',
  'GET /admin/organizations/by-external-id/{external_id}': '`customers.get` takes an `external_id`.',
}

/** The methods that are generated from the OpenAPI document, by the export of the TypeScript package. */
const WRITTEN = {
  tollgate: { ...CUSTOMER_METHODS, ...SELLING_METHODS },
  'tollgate/operator': OPERATOR_METHODS,
} as const satisfies Readonly<Record<string, Readonly<Record<string, Names>>>>

export type Export = keyof typeof WRITTEN
export const EXPORTS = Object.keys(WRITTEN) as Export[]

export interface ClientMethod {
  readonly name: string
  readonly namespace: string
  readonly method: string
  readonly python: string
  readonly says: string
  readonly operation: Operation
}

/** Every operation of the API by its name, such as `GET /quotas`. */
export const listOperations = ({ paths }: OpenApi): ReadonlyMap<string, Operation> =>
  new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) => [`${method.toUpperCase()} ${path.replace('/api/v1', '')}`, operation] as const,
      ),
    ),
  )

/** Whether a service key, or an organization's own key, may call an operation. */
export const isForKeys = ({ security = [] }: Operation): boolean => security.some((scheme) => 'apiKey' in scheme)

export const takesIdempotencyKey = ({ parameters = [] }: Operation): boolean =>
  parameters.some(({ name }) => name === 'Idempotency-Key')

/**
 * The methods of an export, by name.
 *
 * @throws Error for an operation name that the API does not have
 */
export function listMethods(document: OpenApi, of: Export): ClientMethod[] {
  const operations = listOperations(document)
  const names: Readonly<Record<string, Names>> = WRITTEN[of]
  return Object.entries(names).map(([name, [typescript, python, says]]) => {
    const operation = operations.get(name)
    if (!operation) throw new Error(`The API has no ${name}.`)
    const [namespace = '', method = ''] = typescript.split('.')
    return { name, namespace, method, python, operation, says: `${says ?? operation.summary}.` }
  })
}
