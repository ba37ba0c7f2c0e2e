import { unreachable } from './problem.ts'
import { ANSWER_MS, limitTime } from './time-limit.ts'

/**
 * Calls one of the operations that keep something in a cookie of this browser.
 *
 * @returns the answer, received completely
 * @throws ApiError if there is none in time: other tabs wait for a refresh of the tokens
 */
export async function postToSession(path: string, body?: object): Promise<Response> {
  try {
    const answer = await fetch(`/api/v1/auth/browser/${path}`, {
      method: 'POST',
      signal: limitTime(ANSWER_MS),
      ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const { status, headers } = answer
    return new Response((await answer.text()) || null, { status, headers })
  } catch {
    throw unreachable()
  }
}
