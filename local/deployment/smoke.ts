/** Checks whether a version works, by requests like a customer's API: before it gets traffic, and while it does. */
import { setTimeout as wait } from 'node:timers/promises'
import { newKey } from '../../src/verification/key-format.ts'

/** A version of a Worker, which requests can name whatever its share of traffic. */
export interface Named {
  readonly worker: string
  readonly version: string
}

interface SmokeTarget {
  readonly url: string
  /** The version that has to answer; without it any version may. */
  readonly named?: Named
  /** With it, a verification is requested as well. */
  readonly serviceKey?: string | undefined
  readonly signal?: AbortSignal
  /** How long the version may take to be reached everywhere. */
  readonly appearsWithinMs?: number
}

/** Cloudflare's header that selects a version of a Worker by name. */
const OVERRIDE = 'Cloudflare-Workers-Version-Overrides'
const APPEARS_WITHIN_MS = 60_000

/** @throws Error that contains the actual answer */
export async function smoke(asked: SmokeTarget): Promise<void> {
  const { url, named, serviceKey, signal } = asked
  const headers = named ? { [OVERRIDE]: `${named.worker}="${named.version}"` } : {}
  await expectReady(asked, { headers, ...(signal && { signal }) })
  // It belongs to the management API, which a wrong PUBLIC_URL stops.
  await expectAnswer(`${url}/.well-known/jwks.json`, { headers, ...(signal && { signal }) }, (text) => text !== '')
  if (!serviceKey) return
  // Well-formed but unknown: format, checksum, service key, memory and database all take part.
  const body = JSON.stringify({ key: newKey('ck', 'live') })
  const credentials = { Authorization: `Bearer ${serviceKey}`, 'Content-Type': 'application/json' }
  const init = { method: 'POST', headers: { ...headers, ...credentials }, body, ...(signal && { signal }) }
  await expectAnswer(`${url}/api/v1/keys/verify`, init, (text) => text.includes('"code":"NOT_FOUND"'))
}

/** A new version is not everywhere at once: another one may answer at first. */
async function expectReady({ url, named, appearsWithinMs = APPEARS_WITHIN_MS }: SmokeTarget, init: RequestInit) {
  for (const end = Date.now() + appearsWithinMs; ; await wait(1_000)) {
    const { answer, text } = await ask(`${url}/health/ready`, init)
    const version = /"version_id":"([^"]+)"/.exec(text)?.[1]
    if (!named || version === named.version) return requireRight(answer, text, true)
    if (Date.now() < end) continue
    requireRight(answer, text, true)
    throw new Error(
      version
        ? `${url} is answered by version ${version}, not ${named.version}.`
        : `${url} does not say which version answers: wrangler.toml binds version_metadata as CF_VERSION_METADATA.`,
    )
  }
}

async function expectAnswer(url: string, init: RequestInit, isRight: (text: string) => boolean): Promise<void> {
  const { answer, text } = await ask(url, init)
  requireRight(answer, text, isRight(text))
}

function requireRight({ url, ok, status }: Response, text: string, isRight: boolean): void {
  if (!ok || !isRight) throw new Error(`${url} answers ${status}: ${text.slice(0, 300)}`)
}

async function ask(url: string, { signal, ...init }: RequestInit): Promise<{ answer: Response; text: string }> {
  const patience = AbortSignal.timeout(15_000)
  try {
    const answer = await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, patience]) : patience })
    return { answer, text: await answer.text() }
  } catch (error) {
    throw new Error(`${url} does not answer.`, { cause: error })
  }
}
