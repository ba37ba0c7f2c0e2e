/** Checks whether a version works, by requests like a customer's API: before it gets traffic, and while it does. */

import { newKey } from '../../src/verification/key-format.ts'

interface SmokeTarget {
  readonly url: string
  /** Sends requests to this version, whatever its share of traffic; without it any version may answer. */
  readonly version?: string
  /** With it, a verification is requested as well. */
  readonly serviceKey?: string | undefined
}

/** Cloudflare's header that selects a version of a Worker by name. */
const OVERRIDE = 'Cloudflare-Workers-Version-Overrides'

/** @throws Error that contains the actual answer */
export async function smoke({ url, version, serviceKey }: SmokeTarget): Promise<void> {
  const headers = version ? { [OVERRIDE]: `tollgate="${version}"` } : {}
  await expectAnswer(`${url}/health/ready`, { headers }, () => true)
  if (!serviceKey) return
  // Well-formed but unknown: format, checksum, service key, memory and database all take part.
  const body = JSON.stringify({ key: newKey('ck', 'live') })
  const credentials = { Authorization: `Bearer ${serviceKey}`, 'Content-Type': 'application/json' }
  const asked = { method: 'POST', headers: { ...headers, ...credentials }, body }
  await expectAnswer(`${url}/api/v1/keys/verify`, asked, (text) => text.includes('"code":"NOT_FOUND"'))
}

async function expectAnswer(url: string, init: RequestInit, isRight: (text: string) => boolean): Promise<void> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(15_000) }).catch((error: unknown) => error)
  if (!(answer instanceof Response)) throw new Error(`${url} does not answer.`)
  const text = await answer.text()
  if (!answer.ok || !isRight(text)) throw new Error(`${url} answers ${answer.status}: ${text.slice(0, 300)}`)
}
