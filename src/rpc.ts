import { WorkerEntrypoint } from 'cloudflare:workers'
import { problemIn } from './db/client.ts'
import { createDeps } from './deps.ts'
import type { Env } from './http/env.ts'
import type { Verdict } from './keys/verdict.ts'
import { verifyKey } from './keys/verify.ts'
import { parseVerifyInput } from './keys/verify-input.ts'
import { errorFields, log } from './lib/log.ts'
import { uuidv7 } from './lib/uuid.ts'
import { Problem, type ProblemCode, problemBody } from './problems.ts'

/** A call that could not be answered. `valid` is false, so that code which only looks at that refuses. */
export interface Failure {
  readonly valid: false
  readonly code: Uppercase<ProblemCode>
  readonly problem: ReturnType<typeof problemBody>
}

/**
 * What other Workers call through a service binding: `env.TOLLGATE.verifyKey({ key, cost })`. No HTTP and no credentials,
 * since only the operator can bind to it. Errors are data: nothing here throws.
 */
export class Tollgate extends WorkerEntrypoint<Env> {
  /** The same function as `POST /api/v1/keys/verify`. Input is checked here again: the caller may be months old. */
  async verifyKey(input: unknown): Promise<Verdict | Failure> {
    const requestId = uuidv7(Date.now())
    try {
      return await verifyKey(createDeps(this.env, this.ctx), parseVerifyInput(input), { requestId })
    } catch (error) {
      return failure(error, requestId)
    }
  }
}

function failure(error: unknown, requestId: string): Failure {
  const known = problemIn(error)
  if (!known) log('error', 'rpc_failed', { request_id: requestId, ...errorFields(error) })
  const problem = known ?? new Problem('internal')
  const code = problem.code.toUpperCase() as Uppercase<ProblemCode>
  return { valid: false, code, problem: problemBody(problem, 'about:blank', requestId) }
}
