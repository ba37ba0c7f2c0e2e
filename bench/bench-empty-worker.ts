/** The baseline for other figures: routes of Hono that do nothing. */
import { Hono } from 'hono'

/** A verdict of a busy key and its headers, as a Worker without any logic would send them. */
const VERDICT = {
  valid: true,
  code: 'VALID',
  request_id: '01a1fe36-f0fa-75b4-94a8-6e02e5b95343',
  key_id: '01a1fe36-f0fb-7a01-a0c4-2b5b7f31c1d2',
  organization_id: '01a1fe36-f0fb-7c13-8de0-95f4c2a0b7e4',
  user_id: null,
  name: 'bench',
  environment: 'live',
  scopes: [],
  plan: 'free',
  features: {},
  metadata: {},
  expires_at: null,
  ratelimit: { limit: 1_000_000_000, remaining: 999_999_900, resets_at: '2026-11-21T16:09:20.000Z' },
  quotas: {
    api_calls: { limit: null, used: 12_345, held: 0, remaining: null, resets_at: '2026-12-01T00:00:00.000Z' },
  },
}
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-site',
  'Cache-Control': 'no-store',
  Vary: 'Origin',
  'X-Request-Id': VERDICT.request_id,
  'RateLimit-Policy': '"key";q=1000000000;w=60',
  RateLimit: '"key";r=999999900;t=58',
}

const app = new Hono()

app.get('/', (c) => c.text('ok'))
/** The answer of a gateway's upstream. */
const KILOBYTE = 'kilobyte'.repeat(128)
app.get('/kilobyte', (c) => c.text(KILOBYTE))
/** The minimum for an endpoint with JSON input and output. */
app.post('/json', async (c) => c.json(await c.req.json()))
/** The same bytes in and out as in a verification. */
app.post('/same', async (c) => {
  const { key } = await c.req.json<{ key: string }>()
  return c.json({ ...VERDICT, name: key.slice(0, 5) }, 200, HEADERS)
})

export default app
