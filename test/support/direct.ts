import { env, exports } from 'cloudflare:workers'
import { createDeps } from '../../src/create-deps.ts'
import type { Deps } from '../../src/deps.ts'
import { randomIp } from './http.ts'

/** The stores of the Worker under test, for the states that no route leads to. */
export function directly(variables: Record<string, string> = {}): Deps {
  const deps = createDeps({ ...env, ...variables }, { waitUntil: () => undefined })
  deps.budget.lift() // a test takes longer than a request
  return deps
}

/** Sends a request unchanged: for bodies and headers that `call` would correct. */
export async function send(line: string, init: RequestInit = {}): Promise<Response> {
  const [method = 'GET', path = '/'] = line.split(' ')
  const headers = new Headers(init.headers)
  if (!headers.has('CF-Connecting-IP')) headers.set('CF-Connecting-IP', randomIp())
  return exports.default.fetch(`https://tollgate.test${path}`, { redirect: 'manual', ...init, method, headers })
}

/** A problem's body without per-request values: for refusals that must be indistinguishable. */
export function withoutRequestId(body: Record<string, unknown>): Record<string, unknown> {
  return { ...body, request_id: undefined }
}
