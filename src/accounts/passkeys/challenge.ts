import type { ManagementDeps } from '../../deps.ts'
import { base64url, fromBase64, randomBytes, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { claimChallenge, insertChallenge } from './queries.ts'

/** Long enough to fetch a security key, or to scan a code with a phone. */
export const CHALLENGE_SECONDS = 5 * 60

/** What a challenge is for; with the user, except where the passkey says who it is. */
export type Purpose =
  | { readonly purpose: 'register' | 'prove'; readonly userId: string }
  | { readonly purpose: 'sign_in'; readonly userId: null }

/** @returns 256 random bits in base64url, which are good once */
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

/**
 * Uses the challenge that an answer of a browser names.
 *
 * @param clientDataJSON of that answer, in base64url
 * @returns `undefined` for one that is unknown, used, expired, or for something or somebody else
 */
export async function takeChallenge(
  deps: ManagementDeps,
  clientDataJSON: string,
  purpose: Purpose,
): Promise<string | undefined> {
  const challenge = readChallenge(clientDataJSON)
  if (challenge === undefined) return undefined
  const use = { ...purpose, challengeHash: sha256(challenge), now: new Date(deps.now()) }
  return (await claimChallenge(deps.db, use)) ? challenge : undefined
}

function readChallenge(clientDataJSON: string): string | undefined {
  try {
    const { challenge } = JSON.parse(new TextDecoder().decode(fromBase64(clientDataJSON)))
    return typeof challenge === 'string' ? challenge : undefined
  } catch {
    return undefined
  }
}
