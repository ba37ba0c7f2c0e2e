import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { verifyIssuerToken } from '../../../src/auth/issuers/verify.ts'
import { Problem } from '../../../src/problems.ts'
import { directly } from '../../support/direct.ts'
import { countFetches, type Issuer, newIssuer } from '../../support/issuers.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())

const SECOND = 1_000
const HOUR = 3_600_000
const DAY_AND_MORE = Math.floor(Date.now() / 1000) + 3 * 86_400

/** One isolate that trusts an issuer. Its clock stands still, however busy the machine is, and can be advanced. */
function isolate(issuer: Issuer, more: Record<string, string> = {}) {
  const base = directly({ ...issuer.variables, ...more })
  const [trusted] = base.config.TRUSTED_ISSUERS
  let now = Date.now()
  return {
    advance: (ms: number) => {
      now += ms
    },
    /** `valid`, the reason why not, or the code of the problem. */
    async verify(token: string): Promise<string> {
      if (!trusted) throw new Error('There is no issuer.')
      try {
        const result = await verifyIssuerToken({ ...base, now: () => now }, trusted, token)
        return typeof result === 'string' ? result : 'valid'
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        return `${error.code} ${error.extra.headers?.['Retry-After']}`
      }
    },
  }
}

/** A token that outlives the time a test advances. */
const sign = (issuer: Issuer, header?: Record<string, unknown>) =>
  issuer.sign({ org_id: 'customer', exp: DAY_AND_MORE }, header)

test('keys are fetched once for many concurrent tokens, and again when they expire', async () => {
  const issuer = await newIssuer()
  const [one, token] = [isolate(issuer), await sign(issuer)]
  const many = () => Promise.all(Array.from({ length: 20 }, () => one.verify(token)))
  expect(await countFetches(issuer, many)).toBe(1)
  expect(new Set(await many())).toEqual(new Set(['valid']))
  one.advance(599 * SECOND) // the stack says max-age=600
  expect(await countFetches(issuer, many)).toBe(0)
  one.advance(2 * SECOND)
  expect(await countFetches(issuer, many)).toBe(1)
})

test.each([
  ['no-store', 60],
  ['max-age=0', 60],
  ['public, max-age=15', 60],
  ['private, MAX-AGE=120, must-revalidate', 120],
  ['max-age=999999999', 3_600],
  ['', 300],
  ['max-age=soon', 300],
])('with Cache-Control %j they are cached for %i seconds', async (control, seconds) => {
  const issuer = await newIssuer()
  const token = await sign(issuer)
  await issuer.answer(JSON.stringify(await issuer.keys()), 200, control ? { 'cache-control': control } : {})
  const one = isolate(issuer)
  await one.verify(token)
  one.advance((seconds - 10) * SECOND)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(0)
  one.advance(11 * SECOND)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(1)
})

test('a new key is found at once, and a withdrawn key is refused after its cache time', async () => {
  const issuer = await newIssuer()
  const [one, old] = [isolate(issuer), await sign(issuer)]
  expect(await one.verify(old)).toBe('valid')
  one.advance(31 * SECOND)
  await issuer.rotate()
  expect(await one.verify(await sign(issuer))).toBe('valid')
  expect(await one.verify(old)).toBe('valid')
  await issuer.rotate(false)
  one.advance(601 * SECOND)
  expect(await one.verify(old)).toBe('forged')
  expect(await one.verify(await sign(issuer))).toBe('valid')
})

test('a flood of unknown kids fetches the keys once in 30 seconds, and does not affect valid tokens', async () => {
  const issuer = await newIssuer()
  const [one, token] = [isolate(issuer), await sign(issuer)]
  await one.verify(token)
  const unknown = await Promise.all(
    Array.from({ length: 30 }, () => sign(issuer, { kid: `unknown ${crypto.randomUUID()}` })),
  )
  const flood = () => Promise.all(unknown.map((each) => one.verify(each)))
  expect(await countFetches(issuer, flood)).toBe(0)
  one.advance(29 * SECOND)
  expect(await countFetches(issuer, flood)).toBe(0)
  for (let round = 0; round < 3; round++) {
    one.advance(31 * SECOND)
    expect(await countFetches(issuer, flood)).toBe(1)
    expect(new Set(await flood())).toEqual(new Set(['forged']))
  }
  expect(await countFetches(issuer, () => one.verify(token))).toBe(0)
  expect(await one.verify(token)).toBe('valid')
})

test('an issuer that is down is a 503 with a Retry-After, and is asked every 5 seconds until it is back', async () => {
  const issuer = await newIssuer()
  const [one, token] = [isolate(issuer), await sign(issuer)]
  await issuer.answer('down', 503)
  expect(await one.verify(token)).toBe('issuer_unavailable 5')
  one.advance(3 * SECOND)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(0)
  one.advance(3 * SECOND)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(1)
  await issuer.recover()
  one.advance(6 * SECOND)
  expect(await one.verify(token)).toBe('valid')
})

test('while it is down its keys stay in use for a day, and only unknown keys are a 503', async () => {
  const issuer = await newIssuer()
  const [one, token] = [isolate(issuer), await sign(issuer)]
  expect(await one.verify(token)).toBe('valid')
  await issuer.answer('down', 500)
  const unknown = await sign(issuer, { kid: 'new' })
  one.advance(HOUR)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(1)
  expect(await countFetches(issuer, () => one.verify(token))).toBe(0)
  expect(await one.verify(token)).toBe('valid')
  expect(await one.verify(unknown)).toBe('issuer_unavailable 30')
  one.advance(22 * HOUR)
  expect(await one.verify(token)).toBe('valid')
  one.advance(2 * HOUR)
  expect(await one.verify(token)).toMatch(/^issuer_unavailable \d+$/)
  await issuer.recover()
  one.advance(31 * SECOND)
  expect(await one.verify(token)).toBe('valid')
  expect(await one.verify(unknown)).toBe('forged')
})

test.each([
  ['no JSON', '<html>', 200],
  ['no set', '{"error":"none"}', 200],
  ['keys that are no list', '{"keys":{"kid":"x"}}', 200],
  ['nothing', '', 200],
  ['more keys than anybody has', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kid: 'x' })) }), 200],
  ['more than is read', `{"keys":[],"padding":"${'x'.repeat(300_000)}"}`, 200],
  ['an error', '{"keys":[]}', 404],
  ['another address', '', 302],
])('%s in place of keys counts as no response', async (_, body, status) => {
  const issuer = await newIssuer()
  const token = await sign(issuer)
  const elsewhere = await newIssuer()
  await issuer.answer(body, status, status === 302 ? { location: elsewhere.issuer } : {})
  const one = isolate(issuer)
  let result = ''
  const fetches = await countFetches(elsewhere, async () => {
    result = await one.verify(token)
  })
  expect({ result, fetches }).toEqual({ result: 'issuer_unavailable 5', fetches: 0 })
})

test('unusable keys are skipped, and a good one beside them is found', async () => {
  const issuer = await newIssuer()
  const token = await sign(issuer)
  const [jwk] = (await issuer.keys()).keys
  const kid = jwk?.kid
  const { x: _, ...damaged } = jwk ?? {}
  const bad = [null, 'key', 7, { kid: 7 }, { kid, kty: 'oct', k: 'c2VjcmV0' }, { ...jwk, use: 'enc' }]
  const worse = [{ ...jwk, key_ops: ['sign'] }, { ...jwk, alg: 'ES384' }, { ...jwk, crv: 'P-384' }, damaged]
  await issuer.answer(JSON.stringify({ keys: [...bad, ...worse] }))
  expect(await isolate(issuer).verify(token)).toBe('forged')
  await issuer.answer(JSON.stringify({ keys: [...bad, ...worse, jwk] }))
  expect(await isolate(issuer).verify(token)).toBe('valid')
})

test.each(['hang', 'reset_before', 'truncate'])('a fault of the kind %s ends in time', async (kind) => {
  const issuer = await newIssuer()
  const token = await sign(issuer)
  await issuer.fault({ kind })
  const began = Date.now()
  expect(await isolate(issuer, { TRUSTED_ISSUERS_TIMEOUT_MS: '300' }).verify(token)).toBe('issuer_unavailable 5')
  expect(Date.now() - began).toBeLessThan(10_000)
})

test('over HTTP it is a problem with Retry-After, and our own tokens keep working', async () => {
  const issuer = await newIssuer()
  const token = await sign(issuer)
  await issuer.answer('down', 500)
  const { call } = workerWith(issuer.variables)
  const { status, headers, body } = await call('GET /api/v1/quotas', undefined, undefined, {
    Authorization: `Bearer ${token}`,
  })
  expect([status, body.code]).toEqual([503, 'issuer_unavailable'])
  expect(headers.get('Retry-After')).toMatch(/^[1-5]$/) // of 5 s, what remains for the fetch

  expect(JSON.stringify(body)).not.toContain(env.STACK_URL)
})
