import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { sha256 } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'
import { seal, unseal } from '../lib/seal.ts'
import { Problem } from '../problems.ts'
import { claimIdempotencyKey, deleteIdempotencyKey, storeIdempotentAnswer } from './idempotency-queries.ts'
import type { ManagementEnv } from './management-env.ts'

/** As long as Stripe keeps them. */
const KEPT_MS = 24 * 3_600_000
/** A request that has not finished after this was cut off; its key may be used again. */
const ABANDONED_MS = 60_000
const LONGEST_KEY = 255

/** For the documentation; `withIdempotency` is what checks it. */
export const IdempotencyHeaders = z.object({
  'Idempotency-Key': z.string().min(1).max(LONGEST_KEY).optional().meta({
    description:
      'A random text of your choice: a repeat with the same one and the same body gets the first answer, for 24 hours.',
  }),
})

/**
 * Makes a POST safe to repeat (draft-ietf-httpapi-idempotency-key-header-07): with the same `Idempotency-Key` and body it
 * is done once, and each repeat gets the first answer. Only successes are kept: what failed may be tried again.
 *
 * The kept answer may hold a secret that is shown once. It is sealed under the caller's own key, of which only a hash is
 * stored: whoever reads the database cannot open it.
 */
export const withIdempotency = createMiddleware<ManagementEnv>(async function withIdempotency(c, next) {
  const key = c.req.header('Idempotency-Key')
  if (key === undefined) return next()
  if (key === '' || key.length > LONGEST_KEY) {
    const message = `must have 1 to ${LONGEST_KEY} characters`
    throw new Problem('invalid_request', { errors: [{ path: 'header.Idempotency-Key', message }] })
  }
  const { deps } = c.var
  const purpose = purposeOf(c, key)
  const id = sha256(purpose)
  const now = deps.now()
  const earlier = await claimIdempotencyKey(deps.db, {
    id,
    requestHash: sha256(await c.req.text()),
    now: new Date(now),
    expiresAt: new Date(now + KEPT_MS),
    abandonedBefore: new Date(now - ABANDONED_MS),
  })
  if (earlier) return replay(c, purpose, earlier)

  await next()
  try {
    await keepOutcome(c, purpose, id)
  } catch (error) {
    // What was asked for is done: an error in its place would have the caller do it again.
    log('error', 'idempotent_answer_lost', { path: c.req.path, ...errorFields(error) })
  }
})

async function keepOutcome({ res, var: { deps } }: Context<ManagementEnv>, purpose: string, id: Uint8Array) {
  if (!res.ok) return deleteIdempotencyKey(deps.db, id)
  const response = await seal(deps.config.SECRET_KEY, purpose, await res.clone().text())
  return storeIdempotentAnswer(deps.db, id, res.status, response)
}

/** Keys of different callers, organizations and routes never meet. */
function purposeOf(c: Context<ManagementEnv>, key: string): string {
  const { principal, organizationId } = c.var
  const caller = principal.kind === 'user' ? principal.userId : principal.keyId
  return ['idempotency', caller, organizationId, c.req.method, c.req.path, key].join('\n')
}

interface Earlier {
  readonly isSameRequest: boolean
  readonly status: number | null
  readonly response: Uint8Array | null
}

async function replay(
  c: Context<ManagementEnv>,
  purpose: string,
  { isSameRequest, status, response }: Earlier,
): Promise<Response> {
  if (!isSameRequest) throw new Problem('idempotency_key_reused')
  if (status === null || !response) throw new Problem('request_in_progress', { headers: { 'Retry-After': '1' } })
  const body = await unseal(c.var.deps.config.SECRET_KEY, purpose, response)
  return new Response(body, { status, headers: { 'Content-Type': 'application/json', 'Idempotent-Replayed': 'true' } })
}
