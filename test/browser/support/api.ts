import { expect, inject } from 'vitest'
import { codeOf } from './authenticator.ts'

interface Mail {
  readonly subject: string
  readonly links: readonly string[]
}

/** Calls the API without the browser, as a program does. */
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

export type Person = Awaited<ReturnType<typeof newPerson>>

/** Somebody who has just registered. */
export async function newPerson(domain = 'example.com') {
  people += 1
  const login = { email: `person-${Date.now()}-${people}@${domain}`, password: PASSWORD }
  await callApi('POST', '/auth/register', { body: login })
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: login })
  return { ...login, token }
}

/** Enables a user's second factor. @returns its secret and the backup codes */
export async function switchOnTwoFactor(token: string) {
  const { secret } = await callApi<{ secret: string }>('POST', '/auth/2fa/setup', { token })
  const body = { code: codeOf(secret) }
  const { backup_codes } = await callApi<{ backup_codes: string[] }>('POST', '/auth/2fa/enable', { token, body })
  return { secret, backupCodes: backup_codes }
}

/** Waits for an email to an address, and reads the token from its link to a page. */
async function readToken(address: string, page: string): Promise<string> {
  const find = async () => (await mailsTo(address)).flatMap(({ links }) => links).find((link) => link.includes(page))
  await expect.poll(find, { timeout: 20_000 }).toBeTruthy()
  return new URL((await find()) ?? '').hash.slice(1).replace(/^token=/, '')
}

/** Confirms somebody's address with the link of the first email. */
export async function confirmAddress({ email, token: access }: Person): Promise<void> {
  await callApi('POST', '/auth/email/verify', { token: access, body: { token: await readToken(email, 'verify') } })
}

/** Makes a user a member by an invitation. */
export async function join(owner: Person, guest: Person, organizationId: string): Promise<void> {
  const path = `/organizations/${organizationId}/invitations`
  await callApi('POST', path, { token: owner.token, body: { email: guest.email, role: 'member' } })
  const token = await readToken(guest.email, 'invitation')
  await callApi('POST', '/organizations/invitations/accept', { token: guest.token, body: { token } })
}

/** Verifies a domain of a user's organization in the stack's DNS. @returns the organization's id */
export async function verifyDomain(token: string, domain: string): Promise<string> {
  const { organization_id: id } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token })
  const path = `/organizations/${id}/domains`
  const added = await callApi<{ id: string; record: { name: string; value: string } }>('POST', path, {
    token,
    body: { domain },
  })
  await fetch(`${inject('server').localUrl}/dns/${added.record.name}`, {
    method: 'PUT',
    body: JSON.stringify([added.record.value]),
  })
  await callApi('POST', `${path}/${added.id}/verify`, { token })
  return id
}
