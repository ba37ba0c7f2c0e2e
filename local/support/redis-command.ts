import { credential, secureUrl } from '../../src/config-fields.ts'
import { parseRedisShards } from '../../src/config-shards.ts'
import { connectRedis, type RedisBackend, type RedisReply } from '../stack/redis.ts'
import { readAddress, readShardAddresses } from './settings.ts'

/** Sends one command. Strings are returned as text. */
export type Send = (words: string[]) => Promise<unknown>

interface Opened {
  /** One for each database. */
  readonly databases: readonly Send[]
  close(): Promise<void>
}

/**
 * Opens the Redis databases that the environment names: REDIS_URL and REDIS_SHARD_URLS, or Upstash's REST interface.
 *
 * @throws Error that names what is missing
 */
export async function openRedis(env: NodeJS.ProcessEnv): Promise<Opened> {
  const url = readAddress(env, 'REDIS_URL')
  if (!url) return openUpstash(env)
  const opened: RedisBackend[] = []
  const close = async () => void (await Promise.all(opened.map((redis) => redis.close())))
  try {
    for (const address of [url, ...readShardAddresses(env)]) opened.push(await connectRedis(address))
  } catch (error) {
    await close()
    throw error
  }
  return { databases: opened.map((redis) => async (words) => toText(await redis.send(words))), close }
}

function openUpstash({
  UPSTASH_REDIS_REST_URL: url,
  UPSTASH_REDIS_REST_TOKEN: token,
  REDIS_SHARDS,
}: NodeJS.ProcessEnv) {
  if (!url || !token) throw new Error('Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL.')
  const shards = parseRedisShards(REDIS_SHARDS || '[]', secureUrl, credential)
  if (typeof shards === 'string') throw new Error(`REDIS_SHARDS ${shards}.`)
  const databases = [{ url, token }, ...shards].map(
    (place): Send =>
      (words) =>
        post(place.url, place.token, words),
  )
  return { databases, close: async () => undefined }
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
