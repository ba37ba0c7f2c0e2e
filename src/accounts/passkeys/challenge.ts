import type { Statement } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, fromBase64, randomBytes, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { deleteChallenge, hasChallenge, insertChallenge, useChallenge } from './queries.ts'

/** Long enough to fetch a security key, or to scan a code with a phone. */
export const CHALLENGE_SECONDS = 5 * 60

/** The purpose of a challenge; with the user, unless the passkey will identify them. */
export type Purpose =
  | { readonly purpose: 'register' | 'prove'; readonly userId: string }
  | { readonly purpose: 'sign_in'; readonly userId: null }

/** @returns 256 random bits in base64url, usable once */
export async function newChallenge(deps: ManagementDeps, purpose: Purpose): Promise<string> {
  const challenge = base64url(randomBytes(32))
  const now = deps.now()
  await insertChallenge(deps.db, {
    ...purpose,
    id: uuidv7(now),
    challengeHash: sha256(challenge),
    createdAt: new Date(now),
    expiresAt: new Date(now + CHALLENGE_SECONDS * 1_000),
  })
  return challenge
}

/** The challenge in a browser's response. */
interface Challenge {
  readonly text: string
  /** Uses it, in the batch of the response's effects: of concurrent uses one succeeds, and a failed batch does not use it. */
  readonly spent: Statement
  /** Deletes it after an invalid response, so that no other can be tried with it. */
  forget(): Promise<unknown>
}

/**
 * Finds the challenge in a browser's response.
 *
 * @param clientDataJSON of that response, in base64url
 * @returns `undefined` if it is unknown, used, expired, or for another purpose or user
 */
export async function findChallenge(
  deps: ManagementDeps,
  clientDataJSON: string,
  purpose: Purpose,
): Promise<Challenge | undefined> {
  const text = readChallenge(clientDataJSON)
  if (text === undefined) return undefined
  const use = { ...purpose, challengeHash: sha256(text), now: new Date(deps.now()) }
  if (!(await hasChallenge(deps.db, use))) return undefined
  return { text, spent: useChallenge(deps.db, use), forget: async () => deleteChallenge(deps.db, use) }
}

function readChallenge(clientDataJSON: string): string | undefined {
  try {
    const { challenge } = JSON.parse(new TextDecoder().decode(fromBase64(clientDataJSON)))
    return typeof challenge === 'string' ? challenge : undefined
  } catch {
    return undefined
  }
}
