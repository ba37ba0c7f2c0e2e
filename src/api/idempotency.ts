import type { BatchItem } from 'drizzle-orm/batch'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import type { ManagementEnv } from '../auth/env.ts'
import { principalId } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import { problemIn } from '../db/client.ts'
import type { ManagementDeps, Repeats, RowVersion } from '../deps.ts'
import { sha256 } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'
import { seal, unseal } from '../lib/seal.ts'
import { publishVersions } from '../limits/versions.ts'
import { Problem } from '../problems.ts'
import { findKeptAnswer, insertKeptAnswer, type KeptAnswer } from './idempotency-queries.ts'

/** As long as Stripe stores them. */
const ANSWER_TTL_MS = 24 * 3_600_000
const MAX_KEY_LENGTH = 255

/** For the documentation. `withIdempotency` validates the header. */
export const IdempotencyHeaders = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(MAX_KEY_LENGTH)
    .optional()
    .meta({
      description: `A random text of your choice, which makes the request safe to repeat for 24 hours. A repeat with the same
key and body does nothing and gets the first answer, secrets included, with \`Idempotent-Replayed: true\`; also where the
first answer was lost or is a 503. The same key with another body is refused. Refusals are not kept: repeat those freely.`,
    }),
})

type Announcements = readonly RowVersion[]

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
  announcements: Announcements = [],
): Promise<BatchItem<'pg'>[]> {
  return repeats ? repeats.keep(status, body, announcements) : []
}

/** The answer before encryption. */
interface AnswerToSeal {
  readonly body: unknown
  readonly announcements: Announcements
}

/** One use of an `Idempotency-Key`. */
interface Use {
  readonly purpose: string
  readonly id: Uint8Array
  readonly requestHash: Uint8Array
}

/**
 * Makes a request safe to repeat (draft-ietf-httpapi-idempotency-key-header-07): with the same `Idempotency-Key` and
 * body it has its effect once, and each repeat gets the first answer.
 *
 * The batch that has the effect also stores the answer (`keepAnswer`). So a repeat finds the answer whenever the effect
 * happened, even if the first caller never received it. Of concurrent equal requests, all but one are rolled back.
 * Refusals have no effect and are not stored.
 *
 * The stored answer may contain a secret that is shown once. It is encrypted under the caller's own key, of which only
 * a hash is stored, so that someone who reads the database cannot decrypt it.
 */
export const withIdempotency = createMiddleware<ManagementEnv>(async function withIdempotency(c, next) {
  const key = c.req.header('Idempotency-Key')
  if (key === undefined) return next()
  if (key === '' || key.length > MAX_KEY_LENGTH) {
    const message = `must have 1 to ${MAX_KEY_LENGTH} characters`
    throw new Problem('invalid_request', { errors: [{ path: 'header.Idempotency-Key', message }] })
  }
  const { deps } = c.var
  const purpose = describePurpose(c, key)
  const body = c.req.bodyCache.text === undefined ? '' : await c.req.text() // routes without a body have none here
  const use = { purpose, id: sha256(purpose), requestHash: sha256(body) }
  const earlier = await findKept(deps, use)
  if (earlier) return replay(deps, use, earlier)

  let isKept = false
  const repeats: Repeats = {
    async keep(status, body, announcements) {
      isKept = true
      const row = await sealRow(deps, use, status, { body, announcements })
      return [insertKeptAnswer(deps.db, row)] // in an array: awaiting the statement itself would run it
    },
  }
  c.set('deps', { ...deps, repeats })
  await next()
  if (c.res.ok && !isKept) await keepAfterwards(c, use)
  if (!c.res.ok) await replayInstead(c, use)
})

/** Separates the keys of different callers, organizations and routes. */
function describePurpose(c: Context<ManagementEnv>, key: string): string {
  const { principal, organizationId } = c.var
  return ['idempotency', principalId(principal), organizationId, c.req.method, c.req.path, key].join('\n')
}

const findKept = (deps: ManagementDeps, { id, requestHash }: Use) =>
  findKeptAnswer(deps.db, id, { requestHash, at: new Date(deps.now()) })

async function sealRow(deps: ManagementDeps, { id, purpose, requestHash }: Use, status: number, sealed: AnswerToSeal) {
  const response = await seal(deps.config, purpose, JSON.stringify(sealed))
  const now = deps.now()
  const times = { createdAt: new Date(now), expiresAt: new Date(now + ANSWER_TTL_MS) }
  return { id, requestHash, status, response, ...times }
}

/**
 * For an effect in another service, or a request with nothing to do: no batch of Tollgate has the effect. A repeat
 * after a lost answer calls the service again, which finds that it is already done, or deduplicates by an idempotency key.
 */
async function keepAfterwards(c: Context<ManagementEnv>, use: Use): Promise<void> {
  const { deps } = c.var
  try {
    const text = await c.res.clone().text()
    const body: unknown = text === '' ? null : JSON.parse(text)
    const row = await sealRow(deps, use, c.res.status, { body, announcements: [] })
    await runBatch(deps.db, { answer: insertKeptAnswer(deps.db, row) })
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
async function replayInstead(c: Context<ManagementEnv>, use: Use): Promise<void> {
  if (c.res.status >= 500) return
  const { deps } = c.var
  const earlier = await findKept(deps, use).catch(() => undefined)
  if (!earlier?.isSameRequest) return
  const answer = await replay(deps, use, earlier)
  c.res = undefined
  c.res = answer
}

/** @throws Problem `answer_unreadable` for an answer that was sealed under a root secret that is gone */
async function open({ config }: ManagementDeps, purpose: string, { response }: KeptAnswer): Promise<AnswerToSeal> {
  const text = await unseal(config, purpose, response).catch((error: unknown) => {
    log('warn', 'idempotent_answer_unreadable', errorFields(error))
    throw new Problem('answer_unreadable')
  })
  return JSON.parse(text)
}

async function replay(deps: ManagementDeps, { purpose }: Use, earlier: KeptAnswer): Promise<Response> {
  if (!earlier.isSameRequest) throw new Problem('idempotency_key_reused')
  const opened = await open(deps, purpose, earlier)
  await publishVersions(deps, opened.announcements)
  const init = { status: earlier.status, headers: { 'Idempotent-Replayed': 'true' } }
  return opened.body === null ? new Response(null, init) : Response.json(opened.body, init)
}
