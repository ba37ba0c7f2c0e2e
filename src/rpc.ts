import { WorkerEntrypoint } from 'cloudflare:workers'
import { requireFeature } from './config-features.ts'
import { createDeps } from './create-deps.ts'
import { findUnstorable, isOvertaken, problemIn } from './db/client.ts'
import type { Deps } from './deps.ts'
import type { Env } from './http/env.ts'
import { lazily } from './lib/lazily.ts'
import { errorFields, log } from './lib/log.ts'
import { uuidv7 } from './lib/uuid.ts'
import { count } from './metrics/count.ts'
import { Problem, type ProblemCode, parseInput, problemBody, readRetryAfter } from './problems.ts'
import type {
  ApiKey,
  ApiKeyPage,
  ExtendInput,
  Extension,
  Failure,
  GetQuotasInput,
  GetUsageInput,
  IssuedApiKey,
  IssueKeyInput,
  KeyVerdict,
  ListKeysInput,
  Quotas,
  RecordedUsage,
  RecordUsageInput,
  Reservation,
  ReserveInput,
  RevokedKey,
  RevokeKeyInput,
  RotateKeyInput,
  SettleInput,
  Settlement,
  TokenVerdict,
  TollgateBinding,
  UpdateKeyInput,
  UpsertedOrganization,
  UpsertOrganizationInput,
  UsageSummary,
  VerifyKeyInput,
  VerifyTokenInput,
} from './rpc-types.ts'
import { VerifyInput } from './verification/input.ts'
import { readVerdictHeaders } from './verification/verdict-headers.ts'
import { verifyKey } from './verification/verify.ts'

/**
 * The methods that other Workers call through a service binding: `env.TOLLGATE.verifyKey({ key, cost })`. They need no
 * HTTP and no credentials, because only the operator can create a binding. Input is validated here again, because the
 * caller may be of an older version. Errors are data: nothing here throws. Every method of this class is public on the
 * wire, in the types of rpc-types.ts.
 */
export class Tollgate extends WorkerEntrypoint<Env> implements TollgateBinding {
  /** The same function as `POST /api/v1/keys/verify`. */
  async verifyKey(input: VerifyKeyInput): Promise<KeyVerdict | Failure> {
    return this.#answer(async (deps, requestId) => {
      const verdict = await verifyKey(deps, parseInput(VerifyInput, input), { requestId })
      return { ...verdict, headers: readVerdictHeaders(verdict, deps.now()) }
    })
  }

  /**
   * Checks whose access token this is, for an operator's API that signed-in users call. `{ token, organization_id?,
   * external_id?, permission? }`; with a permission, it is valid only if the user has it there.
   */
  async verifyToken(input: VerifyTokenInput): Promise<TokenVerdict | Failure> {
    return this.#manage(async (deps, requestId) => {
      const { TokenInput, verifyToken } = await loadVerifyToken()
      return verifyToken(deps, parseInput(TokenInput, input), requestId)
    })
  }

  /** The same as `POST /api/v1/usage` with a service key: `{ events: [...], durability? }`. */
  async recordUsage(input: RecordUsageInput): Promise<RecordedUsage | Failure> {
    return this.#manage(async (deps) => {
      const { ingestUsage } = await loadIngest()
      return ingestUsage(deps, input, { organizationId: null })
    })
  }

  /** The same as `POST /api/v1/usage/reserve` with a service key. */
  async reserve(input: ReserveInput): Promise<Reservation | Failure> {
    return this.#manage(async (deps) => {
      const { BOUND_WORKER, reserve } = await loadReserve()
      const { ReserveBody } = await loadReservationSchemas()
      return reserve(deps, parseInput(ReserveBody, input), BOUND_WORKER)
    })
  }

  /** The same as `POST /api/v1/usage/settle` with a service key. */
  async settle(input: SettleInput): Promise<Settlement | Failure> {
    return this.#manage(async (deps) => {
      const { settle } = await loadSettle()
      const { SettleBody } = await loadReservationSchemas()
      return settle(deps, parseInput(SettleBody, input), null)
    })
  }

  /** The same as `POST /api/v1/usage/reservations/{id}/extend` with a service key: `{ reservation_id, expires_in_seconds }`. */
  async extendReservation(input: ExtendInput): Promise<Extension | Failure> {
    return this.#manage(async (deps) => {
      const { extendReservation } = await loadOpenHolds()
      const { ExtendInput: Input } = await loadOpenSchemas()
      return extendReservation(deps, parseInput(Input, input), null)
    })
  }

  /** The same as `GET /api/v1/quotas`, for any organization: `{ organization_id?, external_id? }`. */
  async getQuotas(input: GetQuotasInput): Promise<Quotas | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).getQuotas({ deps, requestId }, input))
  }

  /** The same as `PUT /api/v1/admin/organizations/by-external-id/{external_id}`. */
  async upsertOrganization(input: UpsertOrganizationInput): Promise<UpsertedOrganization | Failure> {
    return this.#manage(async (deps, requestId) =>
      (await loadOperator()).upsertOrganization({ deps, requestId }, input),
    )
  }

  /** The same as `POST /api/v1/auth/api-keys` with a service key. */
  async issueKey(input: IssueKeyInput): Promise<IssuedApiKey | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).issueKey({ deps, requestId }, input))
  }

  /** The same as `PATCH /api/v1/auth/api-keys/{id}` with a service key. */
  async updateKey(input: UpdateKeyInput): Promise<ApiKey | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).updateKey({ deps, requestId }, input))
  }

  /** The same as `POST /api/v1/auth/api-keys/{id}/rotate` with a service key. */
  async rotateKey(input: RotateKeyInput): Promise<IssuedApiKey | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).rotateKey({ deps, requestId }, input))
  }

  /** The same as `DELETE /api/v1/auth/api-keys/{id}` with a service key. */
  async revokeKey(input: RevokeKeyInput): Promise<RevokedKey | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).revokeKey({ deps, requestId }, input))
  }

  /** The same as `GET /api/v1/auth/api-keys` with a service key. */
  async listKeys(input: ListKeysInput): Promise<ApiKeyPage | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).listKeys({ deps, requestId }, input))
  }

  /** The same as `GET /api/v1/usage/summary` with a service key. */
  async getUsage(input: GetUsageInput): Promise<UsageSummary | Failure> {
    return this.#manage(async (deps, requestId) => (await loadOperator()).getUsage({ deps, requestId }, input))
  }

  /** Like a route of the management API: a wrong setting of management stops it. */
  #manage<Result>(work: (deps: Deps, requestId: string) => Promise<Result>): Promise<Result | Failure> {
    return this.#answer(async (deps, requestId) => {
      requireFeature(deps.config, 'management')
      return work(deps, requestId)
    })
  }

  async #answer<Result>(work: (deps: Deps, requestId: string) => Promise<Result>): Promise<Result | Failure> {
    const requestId = uuidv7(Date.now())
    let deps: Deps | undefined
    try {
      deps = createDeps(this.env, this.ctx)
      const result = await work(deps, requestId)
      count('rpcCalls', 'answered')
      return result
    } catch (error) {
      return describeFailure(error, { requestId, publicUrl: deps?.config.PUBLIC_URL })
    } finally {
      deps?.budget.lift() // the remaining work runs after the answer
    }
  }
}

const loadOperator = lazily(() => import('./rpc-operator.ts'))
const loadVerifyToken = lazily(() => import('./auth/verify-token.ts'))
const loadIngest = lazily(() => import('./usage/reporting/ingest.ts'))
const loadReserve = lazily(() => import('./usage/reservations/reserve.ts'))
const loadSettle = lazily(() => import('./usage/reservations/settle.ts'))
const loadOpenHolds = lazily(() => import('./usage/reservations/open-holds.ts'))
const loadOpenSchemas = lazily(() => import('./usage/reservations/open-schemas.ts'))
const loadReservationSchemas = lazily(() => import('./usage/reservations/schemas.ts'))

interface FailureContext {
  readonly requestId: string
  readonly publicUrl: string | undefined
}

/** Handles everything that a method throws, like `answerError` over HTTP: the same problem, as data. */
export function describeFailure(error: unknown, { requestId, publicUrl }: FailureContext): Failure {
  const known = problemIn(error) ?? findUnstorable(error)
  if (!known) log('error', 'rpc_failed', { request_id: requestId, ...errorFields(error) })
  const problem = known ?? new Problem(isOvertaken(error) ? 'unavailable' : 'internal')
  count('rpcCalls', problem.status < 500 ? 'refused' : 'failed')
  const code = problem.code.toUpperCase() as Uppercase<ProblemCode>
  const seconds = readRetryAfter(problem)
  return {
    valid: false,
    granted: false,
    code,
    status: problem.status,
    retry_after: seconds === undefined ? null : Number(seconds),
    headers: seconds === undefined ? {} : { 'Retry-After': seconds },
    problem: problemBody(problem, publicUrl, requestId),
  }
}
