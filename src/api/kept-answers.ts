import * as z from 'zod'
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

export const idempotencyKey = z.string().min(1).max(255)

/** The answer before encryption. */
interface AnswerToSeal {
  readonly body: unknown
  /** Row versions to publish after the batch: a repeat publishes them again, in case the first could not. */
  readonly announcements: readonly RowVersion[]
}

/** One use of an idempotency key. */
export interface KeyUse {
  readonly purpose: string
  readonly id: Uint8Array
  readonly requestHash: Uint8Array
}

/** @param scope separates the keys of different callers, organizations and operations */
export function describeUse(scope: readonly (string | null)[], key: string, input: string): KeyUse {
  const purpose = ['idempotency', ...scope, key].join('\n')
  return { purpose, id: sha256(purpose), requestHash: sha256(input) }
}

export const findKept = ({ db, now }: ManagementDeps, { id, requestHash }: KeyUse) =>
  findKeptAnswer(db, id, { requestHash, at: new Date(now()) })

/**
 * Has the batch of a request store its answer (`keepAnswer` in idempotency.ts). The answer may contain a secret that is shown once. It is
 * encrypted under the caller's own idempotency key, of which only a hash is stored, so that someone who reads the database cannot decrypt it.
 *
 * @returns what the request uses, and whether it has made its batch store the answer
 */
export function keepInBatch(deps: ManagementDeps, use: KeyUse) {
  let isKept = false
  const repeats: Repeats = {
    async keep(status, body, announcements) {
      isKept = true
      return insertAnswer(deps, use, status, { body, announcements })
    },
  }
  return { deps: { ...deps, repeats }, isKept: () => isKept }
}

/** @returns the statement, in an array: awaiting the statement itself would run it */
export async function insertAnswer(deps: ManagementDeps, use: KeyUse, status: number, answer: AnswerToSeal) {
  const response = await seal(deps.config, use.purpose, JSON.stringify(answer))
  const now = deps.now()
  const times = { createdAt: new Date(now), expiresAt: new Date(now + ANSWER_TTL_MS) }
  const { id, requestHash } = use
  return [insertKeptAnswer(deps.db, { id, requestHash, status, response, ...times })]
}

/** @throws Problem `idempotency_key_reused`, `answer_unreadable` */
export async function readKept(deps: ManagementDeps, { purpose }: KeyUse, earlier: KeptAnswer) {
  if (!earlier.isSameRequest) throw new Problem('idempotency_key_reused')
  const { body, announcements } = await open(deps, purpose, earlier)
  await publishVersions(deps, announcements)
  return { status: earlier.status, body }
}

/** @throws Problem `answer_unreadable` for an answer that was sealed under a root secret that is gone */
async function open({ config }: ManagementDeps, purpose: string, { response }: KeptAnswer): Promise<AnswerToSeal> {
  const text = await unseal(config, purpose, response).catch((error: unknown) => {
    log('warn', 'idempotent_answer_unreadable', errorFields(error))
    throw new Problem('answer_unreadable')
  })
  return JSON.parse(text)
}

/**
 * Performs a call of another Worker once, however often it is repeated: `withIdempotency`, without the HTTP.
 *
 * @param perform stores its answer in the batch that has the effect
 * @throws Problem what `perform` throws, `idempotency_key_reused`, `answer_unreadable`
 */
export async function performOnce<Answer>(
  deps: ManagementDeps,
  use: KeyUse,
  perform: (deps: ManagementDeps) => Promise<Answer>,
): Promise<Answer> {
  const earlier = await findKept(deps, use)
  if (earlier) return (await readKept(deps, use, earlier)).body as Answer
  try {
    return await perform(keepInBatch(deps, use).deps)
  } catch (error) {
    // A refusal may only mean that an equal call was faster. After any other failure the caller retries.
    if ((problemIn(error)?.status ?? 500) >= 500) throw error
    const faster = await findKept(deps, use).catch(() => undefined)
    if (!faster?.isSameRequest) throw error
    return (await readKept(deps, use, faster)).body as Answer
  }
}
