import type { Redis } from '@upstash/redis/cloudflare'
import type { Config } from '../config.ts'
import { openRedis, type RedisPlace } from './client.ts'
import { choosePlace } from './rendezvous.ts'
import type { TimeBudget } from './time-budget.ts'

/**
 * The Redis databases of a deployment: one, or with `REDIS_SHARDS` several, of which each has everything of a share of the
 * organizations (docs/operate/scale.md). Opened when they are first used.
 */
export class RedisDatabases {
  readonly #places: readonly RedisPlace[]
  readonly #budget: TimeBudget | undefined
  readonly #timeoutMs: number
  readonly #open: Redis[] = []

  /** @param budget the time that all commands of a request share */
  constructor(config: Config, budget?: TimeBudget) {
    const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = config
    this.#places = [{ url, token }, ...config.REDIS_SHARDS]
    this.#timeoutMs = config.REDIS_TIMEOUT_MS
    this.#budget = budget
  }

  /** What no organization owns: limits of addresses and accounts, spooled usage, marks that everybody looks at. */
  get shared(): Redis {
    return this.#at(0)
  }

  /** Everything that is counted or held for an organization and its keys. */
  of(organizationId: string): Redis {
    return this.#at(this.findPlace(organizationId))
  }

  /** Each of them, that of `shared` first. */
  get all(): readonly Redis[] {
    return this.#places.map((_, at) => this.#at(at))
  }

  /** Organizations whose database is the same, together: what one script may touch. */
  group(organizationIds: Iterable<string>): string[][] {
    const groups: string[][] = []
    for (const id of organizationIds) (groups[this.findPlace(id)] ??= []).push(id)
    return groups.flatMap((group) => [group])
  }

  /** Which one an organization's is. 0, that of `shared`, for what no organization owns. */
  findPlace(organizationId: string | undefined): number {
    const count = this.#places.length
    return count === 1 || organizationId === undefined ? 0 : choosePlace(organizationId, count)
  }

  #at(place: number): Redis {
    const known = this.#open[place]
    if (known) return known
    const opened = openRedis(this.#places[place] as RedisPlace, this.#timeoutMs, this.#budget)
    this.#open[place] = opened
    return opened
  }
}

/** Where a limit is counted. @param organizationId whose it is; `undefined` for those of Tollgate's own endpoints */
export const findRedis = ({ redis }: { readonly redis: RedisDatabases }, organizationId: string | undefined): Redis =>
  organizationId === undefined ? redis.shared : redis.of(organizationId)
