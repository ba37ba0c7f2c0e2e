import type { Part } from './memory.ts'
import type { RedisBackend } from './redis.ts'

interface Entry {
  readonly key: string
  /** The result of DUMP. */
  readonly value: Buffer
  /** Unix milliseconds; -1 for never. */
  readonly expiresAt: number
}

/** Everything in the embedded Redis, which itself stores nothing on disk. */
export function redisPart(redis: RedisBackend): Part<Entry[]> {
  async function listKeys(): Promise<string[]> {
    const keys = new Set<string>() // SCAN may return a key twice
    let cursor = '0'
    do {
      const [next, page] = (await redis.send(['SCAN', cursor, 'COUNT', '1000'])) as [Buffer, Buffer[]]
      for (const key of page) keys.add(key.toString())
      cursor = next.toString()
    } while (cursor !== '0')
    return [...keys].toSorted()
  }

  async function read(): Promise<Entry[]> {
    const keys = await listKeys()
    const commands = keys.flatMap((key) => [redis.send(['DUMP', key]), redis.send(['PEXPIRETIME', key])])
    const replies = await Promise.all(commands)
    return keys.flatMap((key, at) => {
      const [value, expiresAt] = [replies[2 * at], Number(replies[2 * at + 1])]
      return Buffer.isBuffer(value) ? [{ key, value, expiresAt }] : [] // deleted since it was listed
    })
  }

  async function restore(entries: readonly Entry[]): Promise<void> {
    const live = entries.filter(({ expiresAt }) => expiresAt < 0 || expiresAt > Date.now())
    await Promise.all(
      live.map(({ key, value, expiresAt }) => redis.restore(key, Buffer.from(value), Math.max(0, expiresAt))),
    )
  }

  return { read, restore }
}
