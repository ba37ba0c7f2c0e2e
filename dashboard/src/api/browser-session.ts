import { unreachable } from './problem.ts'

/** Calls one of the operations that keep something in a cookie of this browser. */
export async function postToSession(path: string, body?: object): Promise<Response> {
  try {
    return await fetch(`/api/v1/auth/browser/${path}`, {
      method: 'POST',
      ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    })
  } catch {
    throw unreachable()
  }
}
