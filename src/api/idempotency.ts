import type { BatchItem } from 'drizzle-orm/batch'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import type { ManagementEnv } from '../auth/env.ts'
import { principalId } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import { problemIn } from '../db/client.ts'
import type { ManagementDeps, RowVersion } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { Problem } from '../problems.ts'
import type { KeptAnswer } from './idempotency-queries.ts'
import {
  describeUse,
  findKept,
  idempotencyKey,
  insertAnswer,
  type KeyUse,
  keepInBatch,
  readKept,
} from './kept-answers.ts'

/** For the documentation. `withIdempotency` validates the header. */
export const IdempotencyHeaders = z.object({
  'Idempotency-Key': idempotencyKey.optional().meta({
    description: `A random text of your choice, which makes the request safe to repeat for 24 hours. A repeat with the same
key and body does nothing and gets the first answer, secrets included, with \`Idempotent-Replayed: true\`; also where the
first answer was lost or is a 503. The same key with another body is refused. Refusals are not kept: repeat those freely.`,
  }),
})

/**
 * The statements that store the answer for repeats. They are part of the batch that has the effect, so that neither
 * exists without the other. None if the request has no `Idempotency-Key`.
 *
 * @param body what goes over the wire; null for an answer without a body
 * @param announcements row versions to publish after the batch: a repeat publishes them again, in case the first could not
 */
export async function keepAnswer(
  { repeats }: ManagementDeps,
  status: number,
  body: object | null,
  announcements: readonly RowVersion[] = [],
): Promise<BatchItem<'pg'>[]> {
  return repeats ? repeats.keep(status, body, announcements) : []
}

/**
 * Makes a request safe to repeat (draft-ietf-httpapi-idempotency-key-header-07): with the same `Idempotency-Key` and
 * body it has its effect once, and each repeat gets the first answer.
 *
 * The batch that has the effect also stores the answer (`keepAnswer`). So a repeat finds the answer whenever the effect
 * happened, even if the first caller never received it. Of concurrent equal requests, all but one are rolled back.
 * Refusals have no effect and are not stored.
 */
export const withIdempotency = createMiddleware<ManagementEnv>(async function withIdempotency(c, next) {
  const key = c.req.header('Idempotency-Key')
  if (key === undefined) return next()
  if (!idempotencyKey.safeParse(key).success) {
    const message = 'must have 1 to 255 characters'
    throw new Problem('invalid_request', { errors: [{ path: 'header.Idempotency-Key', message }] })
  }
  const { deps, principal, organizationId } = c.var
  const body = c.req.bodyCache.text === undefined ? '' : await c.req.text() // routes without a body have none here
  const use = describeUse([principalId(principal), organizationId, c.req.method, c.req.path], key, body)
  const earlier = await findKept(deps, use)
  if (earlier) return replay(deps, use, earlier)

  const keeping = keepInBatch(deps, use)
  c.set('deps', keeping.deps)
  await next()
  if (c.res.ok && !keeping.isKept()) await keepAfterwards(c, use)
  if (!c.res.ok) await replayInstead(c, use)
})

/**
 * For an effect in another service, or a request with nothing to do: no batch of Tollgate has the effect. A repeat
 * after a lost answer calls the service again, which finds that it is already done, or deduplicates by an idempotency key.
 */
async function keepAfterwards(c: Context<ManagementEnv>, use: KeyUse): Promise<void> {
  const { deps } = c.var
  try {
    const text = await c.res.clone().text()
    const body: unknown = text === '' ? null : JSON.parse(text)
    const [answer] = await insertAnswer(deps, use, c.res.status, { body, announcements: [] })
    await runBatch(deps.db, { answer })
  } catch (error) {
    if (problemIn(error)?.code === 'request_in_progress') return replayInstead(c, use)
    // The effect has happened. An error instead of the answer would make the caller repeat it.
    log('error', 'idempotent_answer_lost', { path: c.req.path, ...errorFields(error) })
  }
}

/**
 * A refusal may only mean that an equal request was faster; then its answer is replayed. A 503 stays, and the caller
 * retries.
 */
async function replayInstead(c: Context<ManagementEnv>, use: KeyUse): Promise<void> {
  if (c.res.status >= 500) return
  const { deps } = c.var
  const earlier = await findKept(deps, use).catch(() => undefined)
  if (!earlier?.isSameRequest) return
  const answer = await replay(deps, use, earlier)
  c.res = undefined
  c.res = answer
}

async function replay(deps: ManagementDeps, use: KeyUse, earlier: KeptAnswer): Promise<Response> {
  const { status, body } = await readKept(deps, use, earlier)
  const init = { status, headers: { 'Idempotent-Replayed': 'true' } }
  return body === null ? new Response(null, init) : Response.json(body, init)
}
