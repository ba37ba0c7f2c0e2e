/** Whether a version works, asked as a customer's API asks: before it gets anybody's requests, and while it does. */

import { newKey } from '../../src/verification/key-format.ts'

interface Asked {
  readonly url: string
  /** Sends the question to this version, whatever share of requests it has; without it any version answers. */
  readonly version?: string
  /** With it a verification is asked for, too. */
  readonly serviceKey?: string | undefined
}

/** Cloudflare's header for one version of a Worker by its name. */
const OVERRIDE = 'Cloudflare-Workers-Version-Overrides'

/** @throws Error that says what was answered instead */
export async function smoke({ url, version, serviceKey }: Asked): Promise<void> {
  const headers = version ? { [OVERRIDE]: `tollgate="${version}"` } : {}
  await expectAnswer(`${url}/health/ready`, { headers }, () => true)
  if (!serviceKey) return
  // Well-formed and unknown: form, checksum, service key, memory and database all take part.
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
