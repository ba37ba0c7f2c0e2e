import { env, exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { CallerGone } from '../../../src/http/caller-gone.ts'
import { readJson } from '../../../src/http/json-body.ts'
import { keyVersionKey } from '../../../src/limits/limit-request.ts'
import { directly } from '../../support/direct.ts'
import { failFor } from '../../support/faults.ts'
import { eventually, newKeyHolder, randomIp } from '../../support/http.ts'

/** Whether a fault that hits once has hit. */
async function hasHit(match: string): Promise<boolean> {
  const waiting: { match?: string }[] = await (await fetch(`${env.STACK_URL}/control/faults`)).json()
  return !waiting.some((fault) => fault.match === match)
}

test('a request that a caller began is completed even if the caller hangs up midway', async () => {
  const { keyId, token } = await newKeyHolder()
  const name = `Renamed ${keyId}`
  await failFor(name, { door: 'sql', kind: 'delay', value: 4_000, count: 1 })
  const caller = new AbortController()
  const asked = exports.default.fetch(`https://tollgate.test/api/v1/auth/api-keys/${keyId}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'CF-Connecting-IP': randomIp() },
    body: JSON.stringify({ name }),
    signal: caller.signal,
  })
  await eventually(() => hasHit(name), Boolean)
  caller.abort()
  await expect(asked).rejects.toThrow()
  const announced = () => directly().redis.shared.get(keyVersionKey(keyId))
  expect(await announced()).toBeNull()
  expect(await eventually(announced, (version) => version !== null)).toBe(2)
})

test('a body whose caller hangs up is no fault of Tollgate', async () => {
  const { readable, writable } = new FixedLengthStream(1_000)
  const headers = { 'Content-Type': 'application/json', 'Content-Length': '1000' }
  const reading = readJson(new Request('https://tollgate.test/', { method: 'POST', headers, body: readable }))
  const writer = writable.getWriter()
  const sent = writer.write(new TextEncoder().encode('{"key":')).catch(() => undefined)

  await Promise.all([expect(reading).rejects.toBeInstanceOf(CallerGone), writer.abort(new Error('gone')), sent])
})
