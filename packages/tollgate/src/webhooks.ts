import type { WebhookEvents } from './webhook-types.ts'

/** An event as its `type` says, with the id that it has on every attempt. */
export type WebhookEvent = {
  [Type in keyof WebhookEvents]: {
    readonly id: string
    readonly type: Type
    /** ISO 8601. */
    readonly timestamp: string
    readonly data: WebhookEvents[Type]
  }
}[keyof WebhookEvents]

export type WebhookErrorCode = 'missing_header' | 'outside_tolerance' | 'wrong_signature' | 'unreadable_body'

/** A request that is no webhook of this Tollgate. Answer it with 400. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode

  constructor(code: WebhookErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A request whose body was read: the text as it arrived, not parsed and serialized again. */
export interface ReceivedWebhook {
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string | Uint8Array
}

export interface WebhookOptions {
  /** How old an attempt may be, and how far ahead its clock: 300 by default. */
  readonly toleranceSeconds?: number | undefined
}

/**
 * Verifies a webhook (Standard Webhooks 1.0.0) and reads it: the signature is an HMAC-SHA-256 of id, time and body,
 * compared in constant time. Ignore types that you do not know; later versions add some.
 *
 * @param secrets `whsec_…`; several while you change them
 * @throws WebhookError
 */
export async function verifyWebhook(
  request: Request | ReceivedWebhook,
  secrets: string | readonly string[],
  { toleranceSeconds = 300 }: WebhookOptions = {},
): Promise<WebhookEvent> {
  const id = readHeader(request, 'webhook-id')
  const timestamp = readHeader(request, 'webhook-timestamp')
  const signatures = readHeader(request, 'webhook-signature')
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds))
    throw new WebhookError('outside_tolerance', 'The webhook is a replay, or one of the two clocks is wrong.')
  const body = await readBody(request)
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), body)
  if (!(await isSigned(signed, signatures, [secrets].flat())))
    throw new WebhookError('wrong_signature', 'No signature of the webhook is by one of the secrets.')
  return parseEvent(id, new TextDecoder().decode(body))
}

function readHeader({ headers }: Request | ReceivedWebhook, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : [headers[name]].flat()[0]
  if (!value) throw new WebhookError('missing_header', `The webhook has no ${name}.`)
  return value
}

async function readBody(request: Request | ReceivedWebhook): Promise<Uint8Array> {
  if (request instanceof Request) return new Uint8Array(await request.arrayBuffer())
  return typeof request.body === 'string' ? new TextEncoder().encode(request.body) : request.body
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

async function isSigned(signed: Uint8Array<ArrayBuffer>, header: string, secrets: readonly string[]): Promise<boolean> {
  const signatures = header
    .split(' ')
    .flatMap((one) => (one.startsWith('v1,') ? (decodeBase64(one.slice(3)) ?? []) : []))
  for (const secret of secrets) {
    const raw = decodeBase64(secret.replace(/^whsec_/, ''))
    if (!raw) throw new TypeError('A webhook secret is whsec_ and base64.')
    const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    for (const signature of signatures) if (await crypto.subtle.verify('HMAC', key, signature, signed)) return true
  }
  return false
}

/** @returns undefined for text that is no base64 */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

function parseEvent(id: string, text: string): WebhookEvent {
  try {
    return { id, ...JSON.parse(text) }
  } catch {
    throw new WebhookError('unreadable_body', 'The body of the webhook is not JSON.')
  }
}
