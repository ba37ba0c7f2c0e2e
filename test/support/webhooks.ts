import { env } from 'cloudflare:workers'
import { directly } from './direct.ts'
import { call } from './http.ts'

/** The address of a deployment on this machine: it may send to the local stack's receiver. */
export const LOCAL = { PUBLIC_URL: 'http://localhost:8000' }

/** A webhook as the local stack's receiver shows it. */
interface Caught {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** ISO 8601. */
  readonly received_at: string
}

/** What arrived at a receiver so far, newest first. */
export async function caughtAt(path: string): Promise<Caught[]> {
  const response = await fetch(`${env.STACK_URL}/webhooks?format=json&path=${encodeURIComponent(path)}`)
  return response.json()
}

/**
 * An endpoint that was set up over the API, and then moved to the local stack, where the Worker under test would not let
 * it be: what is sent to it is sent by an isolate with `LOCAL`.
 *
 * @param query what the receiver is to answer, as `?status=410`
 */
export async function newReceiver(token: string, fields: Record<string, unknown> = {}, query = '') {
  const { body } = await call('POST /api/v1/webhook-endpoints', {
    token,
    body: { url: 'https://hooks.example.com/', ...fields },
  })
  const path = `/webhooks/catch/${body.id}`
  const moved = `${env.STACK_URL}${path}${query}`
  await directly().sql.query('update webhook_endpoints set url = $2 where id = $1', [body.id, moved])
  return { id: body.id as string, secret: body.secret as string, path, caught: () => caughtAt(path) }
}

/** Verifies as a receiver would (Standard Webhooks 1.0.0), with code that shares nothing with the sender's. */
export async function isSigned({ headers, body }: Caught, secret: string): Promise<boolean> {
  const raw = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (character) => character.charCodeAt(0))
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  const signed = new TextEncoder().encode(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const signatures = (headers['webhook-signature'] ?? '').split(' ').map((one) => one.split(','))
  const checked = await Promise.all(
    signatures.map(async ([version, signature = '']) => {
      const bytes = Uint8Array.from(atob(signature), (character) => character.charCodeAt(0))
      return version === 'v1' && (await crypto.subtle.verify('HMAC', key, bytes, signed))
    }),
  )
  return checked.some(Boolean)
}
