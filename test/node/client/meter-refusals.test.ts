/** What the caller of a metered model gets for each refusal of a reservation. */
import { generateText } from 'ai'
import { expect, test } from 'vitest'
import { QuotaExceededError } from '../../../packages/tollgate/src/index.ts'
import { anthropic, type Customer, customer, model, openai, tollgate, user, words } from './meter-world.ts'

/** Ten tokens of prompt, and at most fifty of response. */
const prompt = words(10)

const LIBRARIES: [string, (who: Customer) => Promise<unknown>][] = [
  ['openai', (who) => openai(who).chat.completions.create({ model: 'gpt-4o', messages: user(prompt) })],
  [
    'anthropic',
    (who) => anthropic(who).messages.create({ model: 'claude-sonnet-4-5', max_tokens: 50, messages: user(prompt) }),
  ],
  ['ai', (who) => generateText({ model: model(who), prompt, maxRetries: 0 })],
]

interface Refused {
  readonly who: Customer
  readonly status: number
  /** Of the body. */
  readonly problem: object
  /** Seconds; undefined if waiting does not help. */
  readonly retryWithin?: number
}

const REFUSALS: [string, () => Promise<Refused>][] = [
  [
    'a quota that was used is 429 quota_exceeded until its period ends',
    async () => {
      const who = await customer({ tokens: 70 })
      await tollgate.usage.send([{ external_id: who.options.external_id, tokens: 20 }])
      const detail = 'The request may need 60 of tokens; the limit is 70, 20 are used and 0 held.'
      const problem = { code: 'quota_exceeded', meter: 'tokens', refused_by: 'tokens', detail }
      return { who, status: 429, problem, retryWithin: 31 * 86_400 }
    },
  ],
  [
    'a quota that is smaller than the call is 429 quota_exceeded without Retry-After',
    async () => ({ who: await customer({ tokens: 20 }), status: 429, problem: { code: 'quota_exceeded' } }),
  ],
  [
    'used up credits are 402 credits_exhausted without Retry-After',
    async () => {
      const who = await customer()
      await tollgate.credits.grant({
        external_id: who.options.external_id ?? '',
        amount: '0.0001',
        reason: 'Too little',
        expires_at: new Date(Date.now() + 86_400_000).toISOString(),
      })
      return { who, status: 402, problem: { code: 'credits_exhausted', refused_by: 'credits', meter: 'cost_usd' } }
    },
  ],
  [
    'a limit of the key is 429 rate_limited until its window or the hold in it ends',
    async () => {
      const who = await customer()
      const limit = { name: 'bursts', meter: 'tokens', limit: 100, window_seconds: 60 } as const
      const external_id = who.options.external_id ?? ''
      const { id: key_id } = await tollgate.keys.issue({ external_id, name: 'Key', limits: [limit] })
      await tollgate.usage.reserve({ key_id, tokens: 60, expires_in_seconds: 60 })
      const problem = { code: 'rate_limited', refused_by: 'bursts', meter: 'tokens' }
      return { who: { ...who, options: { ...who.options, key_id } }, status: 429, problem, retryWithin: 120 }
    },
  ],
  [
    'as many holds as may be open are 429 concurrency_exceeded until the first ends',
    async () => {
      const who = await customer({ max_concurrent: 1 })
      await tollgate.usage.reserve({ external_id: who.options.external_id, slots: 1, expires_in_seconds: 120 })
      const problem = { code: 'concurrency_exceeded', refused_by: 'max_concurrent', meter: 'slots' }
      return { who, status: 429, problem, retryWithin: 120 }
    },
  ],
]

test.each(REFUSALS)('%s', async (_, refuse) => {
  const { who, status, problem, retryWithin } = await refuse()
  for (const [name, ask] of LIBRARIES) {
    const error = await ask(who).catch((error: unknown) => error)
    expect(error, name).toBeInstanceOf(QuotaExceededError)
    const refused = error as QuotaExceededError
    const response = new Response(refused.body, refused)
    const body = (await response.json()) as { title: string }
    expect([response.status, body], name).toEqual([status, expect.objectContaining({ ...problem, status })])
    expect([refused.code, refused.message], name).toEqual([(problem as { code: string }).code, body.title])
    const seconds = response.headers.get('Retry-After')
    expect(refused.retryAfter, name).toBe(seconds === null ? undefined : Number(seconds))
    if (retryWithin === undefined) expect(seconds, name).toBeNull()
    else expect(Number(seconds) > 0 && Number(seconds) <= retryWithin, `${name}: ${seconds}`).toBe(true)
  }
  expect(await who.sent()).toEqual([])
})

test('each refusal has its own title, and one of a newer server counts as rate limited', () => {
  const exceeded = { meter: 'tokens', requested: 9, limit: 5, used: 0, held: 0, remaining: 5, resets_at: null }
  const refuse = (code: string) =>
    new QuotaExceededError({ granted: false, code, refused_by: 'x', retry_after: 7, exceeded, quotas: {} } as never)
  const codes = ['QUOTA_EXCEEDED', 'RATE_LIMITED', 'CONCURRENCY_EXCEEDED', 'CREDITS_EXHAUSTED']
  expect(new Set(codes.map((code) => refuse(code).message)).size).toBe(4)
  expect(refuse('ON_HOLIDAY')).toMatchObject({ status: 429, code: 'rate_limited', headers: { 'Retry-After': '7' } })
})
