import type { ManagementDeps } from '../../deps.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { providerNamed } from '../providers/configured.ts'
import type { ProviderName } from '../providers/provider.ts'
import { readHead } from './events.ts'
import { handleEvent } from './handle.ts'
import { claimEvent } from './queries.ts'
import { isPolarSigned, isStripeSigned } from './signatures.ts'

/** Several times the largest body seen from either provider. */
const MAX_BODY_BYTES = 1024 * 1024
/** When to retry while another delivery of the same event is handled. */
const RETRY_SECONDS = '10'

const SIGNED = {
  polar: { isSigned: isPolarSigned, secrets: 'POLAR_WEBHOOK_SECRET', idHeader: 'webhook-id' },
  stripe: { isSigned: isStripeSigned, secrets: 'STRIPE_WEBHOOK_SECRET', idHeader: undefined },
} as const

/**
 * Receives one delivery: checks its signature, stores it, and applies it once, however often it arrives. The answer is
 * 2xx only when that is done.
 *
 * @throws Problem `not_found` if the provider is not configured, `body_too_large`, `unsigned_webhook`,
 *   `malformed_json`, `webhook_in_progress`; anything else is a 5xx, so that the provider delivers it again
 */
export async function receiveWebhook(deps: ManagementDeps, provider: ProviderName, request: Request) {
  if (!providerNamed(deps.config, provider)) throw new Problem('not_found')
  const body = await readBytes(request)
  const { isSigned, secrets, idHeader } = SIGNED[provider]
  const { headers } = request
  const now = deps.now()
  if (!(await isSigned(deps.config[secrets], { headers, body, now }))) throw new Problem('unsigned_webhook')
  const payload = parse(body)
  const head = readHead(payload, idHeader && (headers.get(idHeader) ?? undefined), now)
  if (!head) throw new Problem('invalid_request', { errors: [{ path: 'body', message: 'is not an event' }] })
  const event = { id: uuidv7(now), provider, payload, ...head }
  const claimed = await claimEvent(deps.db, event)
  if (claimed === 'done') return { received: true, duplicate: true }
  if (claimed === 'processing') throw new Problem('webhook_in_progress', { headers: { 'Retry-After': RETRY_SECONDS } })
  await handleEvent(deps, { ...event, id: claimed.id }, claimed)
  return { received: true, duplicate: false }
}

/** The exact bytes that were signed, up to the maximum of an event. */
async function readBytes(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('Content-Length') ?? 0) > MAX_BODY_BYTES) throw new Problem('body_too_large')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength
    if (length > MAX_BODY_BYTES) throw new Problem('body_too_large')
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let from = 0
  for (const chunk of chunks) {
    bytes.set(chunk, from)
    from += chunk.byteLength
  }
  return bytes
}

/** Strips NUL and lone surrogates, which `jsonb` cannot store; no field that is read here contains them. */
function parse(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body)
    return JSON.parse(text, (_, value: unknown) =>
      typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
    )
  } catch {
    throw new Problem('malformed_json')
  }
}
