import * as z from 'zod'
import { describeFlaws, parseJsonList } from './config-json.ts'

const MAX_SHARDS = 31

/** A further Redis database, as `REDIS_SHARDS` describes it (docs/operate/scale.md). */
type RedisShard = z.output<ReturnType<typeof describeShard>>

const describeShard = (url: z.ZodType<string, string>, token: z.ZodType<string, string>) =>
  z.strictObject({ url, token })

/**
 * Reads `REDIS_SHARDS`, a JSON list.
 *
 * @param url what an address must be
 * @param token what a token must be
 * @returns the databases, or a sentence that says what is wrong and quotes no value
 */
export function parseRedisShards(
  json: string,
  url: z.ZodType<string, string>,
  token: z.ZodType<string, string>,
): readonly RedisShard[] | string {
  const list = parseJsonList(json.trim() || '[]') // empty is as good as absent
  if (!list) return 'is not a JSON list'
  if (list.length > MAX_SHARDS) return `must hold at most ${MAX_SHARDS} databases`
  const shards: RedisShard[] = []
  for (const [at, entry] of list.entries()) {
    const read = describeShard(url, token).safeParse(entry)
    if (!read.success) return `is wrong in database ${at + 1}: ${describeFlaws(read.error)}`
    if (shards.some((other) => other.url === read.data.url)) return 'names a database twice'
    shards.push(read.data)
  }
  return shards
}
