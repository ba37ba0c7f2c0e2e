import type { Login } from '../support/seed-data.ts'

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

async function send<Answer>(url: string, { method, headers, body }: Sent): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return (text ? JSON.parse(text) : undefined) as Answer
}
