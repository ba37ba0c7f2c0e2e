import { keepAnswer } from '../api/idempotency.ts'
import type { AuditAction } from '../audit/actions.ts'
import { audited } from '../audit/record.ts'
import type { Manager } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { log } from '../lib/log.ts'
import { Problem } from '../problems.ts'

interface ProviderCall {
  readonly action: AuditAction
  readonly manager: Manager
  readonly organizationId: string
  readonly detail: Readonly<Record<string, unknown>>
  /** The status that passes the provider's result on to the caller unchanged. */
  readonly answers?: number
}

/**
 * Calls a provider on behalf of a customer, and writes an audit row with the result. The provider's message about a
 * refusal is only for the operator, in the log.
 *
 * @throws Problem `billing_rejected`, and what `work` throws
 */
export async function callProviderAudited<T extends object>(
  deps: ManagementDeps,
  asked: ProviderCall,
  work: () => Promise<T>,
): Promise<T> {
  const { action, manager, organizationId, detail } = asked
  const target = { type: 'organization', id: organizationId } as const
  const row = (result: 'success' | 'failure', more: object = {}) =>
    audited(deps, { action, actor: manager, organizationId, target, result, detail: { ...detail, ...more } })
  try {
    const answer = await work()
    const kept = asked.answers ? await keepAnswer(deps, asked.answers, answer) : []
    await runBatch(deps.db, { audit: row('success'), answer: kept })
    return answer
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const problem = withoutWords(deps, error)
    await row('failure', { code: problem.code })
    throw problem
  }
}

function withoutWords({ origin }: ManagementDeps, problem: Problem): Problem {
  if (problem.code !== 'billing_refused') return problem
  log('error', 'billing_rejected', { request_id: origin.requestId, trace_id: origin.traceId, reason: problem.message })
  return new Problem('billing_rejected')
}
