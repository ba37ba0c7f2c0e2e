/** Streams one answer through the gateway with the unchanged OpenAI client, and prints what it took of the quota. */
import { setTimeout } from 'node:timers/promises'
import OpenAI from 'openai'
import { SLUG, TOLLGATE_API_KEY, TOLLGATE_URL } from './settings.ts'

const [, , prompt = 'Say something nice.'] = process.argv
const openai = new OpenAI({ apiKey: TOLLGATE_API_KEY, baseURL: `${TOLLGATE_URL}/gw/${SLUG}/v1` })

const before = await readTokens()
const stream = await openai.chat.completions.create({
  model: 'gpt-4o',
  max_completion_tokens: 200,
  messages: [{ role: 'user', content: prompt }],
  stream: true,
})
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '')

const after = await readSettled(before)
console.log(`\n${after.used - before.used} tokens used, ${after.remaining ?? 'any number'} left in this period`)

interface Tokens {
  readonly used: number
  /** Reserved for answers that have not ended. */
  readonly held: number
  /** null without a limit */
  readonly remaining: number | null
}

async function readTokens(): Promise<Tokens> {
  const response = await fetch(`${TOLLGATE_URL}/api/v1/quotas`, { headers: { 'X-API-Key': TOLLGATE_API_KEY } })
  if (!response.ok) throw new Error(await response.text())
  const { meters } = (await response.json()) as { meters: { tokens: Tokens } }
  return meters.tokens
}

/** The gateway counts when the stream has ended, so the quota follows a moment later. */
async function readSettled(before: Tokens): Promise<Tokens> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const tokens = await readTokens()
    if (tokens.used > before.used && tokens.held <= before.held) return tokens
    await setTimeout(100)
  }
  throw new Error('The answer has not been counted within ten seconds.')
}
