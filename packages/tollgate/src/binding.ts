import type { Failure, TollgateBinding } from './binding-types.ts'
import { errorFor, type TollgateErrorCode } from './errors.ts'
import { IDEMPOTENT_OPERATIONS } from './idempotent-operations.ts'
import type { Call, OperationName, Reply, Transport } from './operations.ts'
import { toTollgateError } from './perform.ts'

type Fields = Readonly<Record<string, unknown>>

interface BoundMethod {
  readonly method: keyof TollgateBinding
  /** What the operation answers with over HTTP. */
  readonly toBody?: (answer: Fields) => unknown
  /** Names of path parameters where the method calls them otherwise. */
  readonly rename?: Readonly<Record<string, string>>
}

/** The operations that are methods of the service binding. */
const BOUND = {
  'POST /keys/verify': { method: 'verifyKey' },
  'POST /tokens/verify': { method: 'verifyToken' },
  'POST /usage': { method: 'recordUsage' },
  'POST /usage/reserve': { method: 'reserve' },
  'POST /usage/settle': { method: 'settle' },
  'POST /usage/reservations/{id}/extend': { method: 'extendReservation', rename: { id: 'reservation_id' } },
  'GET /quotas': { method: 'getQuotas' },
  'GET /usage/summary': { method: 'getUsage' },
  'PUT /admin/organizations/by-external-id/{external_id}': {
    method: 'upsertOrganization',
    toBody: ({ organization }) => organization,
  },
  'POST /auth/api-keys': { method: 'issueKey' },
  'GET /auth/api-keys': { method: 'listKeys' },
  'PATCH /auth/api-keys/{id}': { method: 'updateKey', rename: { id: 'key_id' } },
  'POST /auth/api-keys/{id}/rotate': { method: 'rotateKey', rename: { id: 'key_id' } },
  'DELETE /auth/api-keys/{id}': { method: 'revokeKey', rename: { id: 'key_id' }, toBody: () => undefined },
} as const satisfies { readonly [Name in OperationName]?: BoundMethod }

/** The operations that go over a service binding. */
export type BoundOperation = keyof typeof BOUND

const findMethod = (name: OperationName) => (BOUND as Partial<Record<OperationName, BoundMethod>>)[name]

/** Calls the methods of Tollgate's entrypoint. They take no credentials. */
export function bindingTransport(binding: TollgateBinding): Transport {
  return {
    async send(call) {
      const bound = findMethod(call.name)
      if (!bound) throw errorFor(`${call.name} goes over HTTP only.`, { code: 'not_over_binding', status: 0 })
      return toReply(bound, await invoke(binding, bound, call))
    },
  }
}

async function invoke(binding: TollgateBinding, bound: BoundMethod, call: Call): Promise<Fields> {
  const { method, rename = {} } = bound
  const params = Object.entries(call.params ?? {}).map(([name, value]) => [rename[name] ?? name, value])
  const key = IDEMPOTENT_OPERATIONS.has(call.name) && { idempotency_key: call.idempotencyKey }
  const input = { ...Object.fromEntries(params), ...call.query, ...(call.body as Fields | undefined), ...key }
  try {
    return (await binding[method](input as never)) as unknown as Fields
  } catch (error) {
    throw toTollgateError(error) // the runtime's own: the other Worker is gone, or is being replaced
  }
}

function toReply({ toBody }: BoundMethod, answer: Fields): Reply {
  if (isFailure(answer)) throw toError(answer)
  const { headers, ...body } = answer as Fields & Partial<Pick<Failure, 'headers'>>
  return { body: toBody ? toBody(answer) : body, headers: headers ?? {} }
}

const isFailure = (answer: Fields | Failure): answer is Failure => 'problem' in answer

function toError({ problem, retry_after }: Failure) {
  return errorFor(problem.detail, {
    code: problem.code as TollgateErrorCode,
    status: problem.status,
    requestId: problem.request_id,
    retryAfter: retry_after ?? undefined,
    errors: problem.errors,
  })
}
