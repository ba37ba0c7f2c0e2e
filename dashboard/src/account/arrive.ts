import { ApiError } from '../api/problem.ts'
import { accessToken, signInByCode } from '../api/session.ts'
import type { LoginChallenge } from '../api/types.ts'
import { type Returned, takeReturned } from './at-provider.ts'
import { continueToScreen } from './next.ts'

/** How somebody comes to the sign-in page. */
export interface Arrival {
  /** Whether they come from a provider's page, or by a link of an email. */
  readonly isReturning: boolean
  /**
   * The second factor that is asked for; undefined where they have to sign in, or leave for a screen.
   * Fails with an ApiError if the sign-in failed.
   */
  readonly challenged: Promise<LoginChallenge | undefined>
}

/**
 * Completes a sign-in at a provider, or goes on with the session of this browser. Called once per page: a second call would find the
 * session that the sign-in is about to end.
 */
export function arrive(): Arrival {
  const returned = takeReturned()
  const challenged = returned ? complete(returned) : resume()
  challenged.catch(() => undefined) // the page shows it, later than the browser would report it as unhandled
  return { isReturning: returned !== undefined, challenged }
}

async function resume(): Promise<undefined> {
  const token = await accessToken().catch(() => undefined) // the form says so when it is sent
  if (token !== undefined) await continueToScreen()
}

async function complete(returned: Returned | ApiError): Promise<LoginChallenge | undefined> {
  if (returned instanceof ApiError) throw returned
  const challenge = await signInByCode(returned)
  if (!challenge) await continueToScreen()
  return challenge
}
