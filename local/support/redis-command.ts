import { connectRedis, type RedisReply } from '../stack/redis.ts'
import { readAddress } from './settings.ts'

/** Sends one command. Texts come as text. */
export type Send = (words: string[]) => Promise<unknown>

/**
 * Opens the Redis that the environment names: REDIS_URL, or Upstash's REST interface.
 *
 * @throws Error that names what is missing
 */
export async function openRedis(env: NodeJS.ProcessEnv): Promise<{ send: Send; close(): Promise<void> }> {
  const url = readAddress(env, 'REDIS_URL')
  if (url) {
    const redis = await connectRedis(url)
    return { send: async (words) => toText(await redis.send(words)), close: () => redis.close() }
  }
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = env
  if (!UPSTASH_REDIS_REST_URL || !UPSTASH_REDIS_REST_TOKEN)
    throw new Error('Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL.')
  return {
    send: (words) => post(UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, words),
    close: async () => undefined,
  }
}

async function post(url: string, token: string, words: string[]): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(words),
  })
  const { result, error } = (await answer.json()) as { result?: unknown; error?: string }
  if (!answer.ok) throw new Error(`Redis answered ${answer.status}: ${error ?? 'no reason given'}`)
  return result
}

function toText(reply: RedisReply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return Array.isArray(reply) ? reply.map(toText) : reply
}
