import { inject } from 'vitest'
import { codeOf } from './authenticator.ts'

interface Mail {
  readonly subject: string
  readonly links: readonly string[]
}

/** Calls the API beside the browser, as a program does. */
export async function callApi<Answer>(method: string, path: string, options: { token?: string; body?: object } = {}) {
  const response = await fetch(`${inject('server').baseUrl}/api/v1${path}`, {
    method,
    headers: {
      ...(options.token && { Authorization: `Bearer ${options.token}` }),
      ...(options.body && { 'Content-Type': 'application/json' }),
    },
    ...(options.body && { body: JSON.stringify(options.body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return (text ? JSON.parse(text) : undefined) as Answer
}

/** @returns the emails to an address that have arrived, newest first */
export async function mailsTo(address: string): Promise<Mail[]> {
  const response = await fetch(`${inject('server').localUrl}/outbox?format=json&to=${encodeURIComponent(address)}`)
  return response.json()
}

let people = 0

export const PASSWORD = 'a few words in a row'

/** Somebody who has just registered. */
export async function newPerson() {
  people += 1
  const login = { email: `person-${Date.now()}-${people}@example.com`, password: PASSWORD }
  await callApi('POST', '/auth/register', { body: login })
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: login })
  return { ...login, token }
}

/** Switches somebody's second factor on. @returns its secret and the backup codes */
export async function switchOnTwoFactor(token: string) {
  const { secret } = await callApi<{ secret: string }>('POST', '/auth/2fa/setup', { token })
  const body = { code: codeOf(secret) }
  const { backup_codes } = await callApi<{ backup_codes: string[] }>('POST', '/auth/2fa/enable', { token, body })
  return { secret, backupCodes: backup_codes }
}
