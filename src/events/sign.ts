import { fromBase64, randomBytes, utf8 } from '../lib/bytes.ts'
import { type RootSecrets, seal, unseal } from '../lib/seal.ts'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** @returns a signing secret in the format of Standard Webhooks: `whsec_` and base64 */
export function newSecret(): string {
  return PREFIX + btoa(String.fromCharCode(...randomBytes(SECRET_BYTES)))
}

interface Message {
  readonly id: string
  /** Unix seconds. */
  readonly timestamp: number
  readonly body: string
}

/**
 * The `webhook-signature` of a message (Standard Webhooks 1.0.0): one HMAC-SHA-256 of `id.timestamp.body` per secret,
 * so that a receiver may know either.
 */
export async function signatures(secrets: readonly string[], { id, timestamp, body }: Message): Promise<string> {
  const signed = await Promise.all(secrets.map((secret) => hmac(secret, `${id}.${timestamp}.${body}`)))
  return signed.map((one) => `v1,${one}`).join(' ')
}

async function hmac(secret: string, text: string): Promise<string> {
  const bytes = fromBase64(secret.slice(PREFIX.length))
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(text)))))
}

/** A secret encrypted for one endpoint never decrypts for another. */
export const describePurpose = (endpointId: string) => `webhook-secret\n${endpointId}`

export function sealSecret(root: RootSecrets, endpointId: string, secret: string): Promise<Uint8Array> {
  return seal(root, describePurpose(endpointId), secret)
}

/** @throws if it was encrypted under another secret than those of `SECRET_KEYS` */
export function openSecret(root: RootSecrets, endpointId: string, sealed: Uint8Array): Promise<string> {
  return unseal(root, describePurpose(endpointId), sealed)
}
