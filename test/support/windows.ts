import type { Redis } from '@upstash/redis/cloudflare'
import { toWindowKey } from '../../src/limits/admission.ts'

/** A window as Redis keeps it (limits/scripts/window.ts). */
export async function readWindow(redis: Redis, windowKey: string) {
  const stored = await redis.get<string | number>(toWindowKey(windowKey))
  const [now = 0, born = 0, ...counts] = String(stored ?? '')
    .split(' ')
    .map(Number)
  const buckets = counts.flatMap((bucket, at) => (at % 2 ? [] : [[bucket, counts[at + 1] as number] as const]))
  return { now, born, buckets: new Map(buckets) }
}

/** Units in all buckets that the window has. */
export async function unitsIn(redis: Redis, windowKey: string): Promise<number> {
  return [...(await readWindow(redis, windowKey)).buckets.values()].reduce((sum, units) => sum + units, 0)
}
