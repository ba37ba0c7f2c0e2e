import { randomUUID } from 'node:crypto'
import type { Login } from '../support/seed-data.ts'
import { untilAnswered } from './until-answered.ts'

/** Calls the API as a person would. */
export interface Client {
  call<Answer = unknown>(method: string, path: string, body?: object): Promise<Answer>
}

/** @throws Error when the person may not sign in */
export async function signIn(baseUrl: string, login: Login): Promise<Client> {
  const { access_token } = await send<{ access_token: string }>(`${baseUrl}/api/v1/auth/login`, {
    method: 'POST',
    body: login,
  })
  const headers = { Authorization: `Bearer ${access_token}` }
  return { call: (method, path, body) => send(`${baseUrl}/api/v1${path}`, { method, headers, body }) }
}

interface Sent {
  readonly method: string
  readonly headers?: Record<string, string>
  readonly body: object | undefined
}

/** Sends a request until it is answered: a repeat has no second effect, because each POST has an `Idempotency-Key`. */
async function send<Answer>(url: string, { method, headers, body }: Sent): Promise<Answer> {
  const init = {
    method,
    headers: {
      ...headers,
      ...(method === 'POST' && { 'Idempotency-Key': randomUUID() }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  }
  const { status, text, isRepeat } = await untilAnswered(url, init)
  const isDeleted = method === 'DELETE' && status === 404 && isRepeat // by the attempt whose answer was lost
  if (!isDeleted && status >= 400) throw new Error(`${method} ${url} answered ${status}: ${text}`)
  return (text && !isDeleted ? JSON.parse(text) : undefined) as Answer
}
