import type { Redis } from '@upstash/redis/cloudflare'
import type { Config } from '../config.ts'
import { openRedis, type RedisPlace } from './client.ts'
import { choosePlace } from './rendezvous.ts'
import type { TimeBudget } from './time-budget.ts'

/**
 * The Redis databases of a deployment: one, or several with `REDIS_SHARDS`. Each of them then holds all data of its share of the
 * organizations (docs/operate/scale.md). Opened on first use.
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

  /** For data that no organization owns: limits of addresses and accounts, spooled usage, marks that everybody reads. */
  get shared(): Redis {
    return this.#at(0)
  }

  /** For everything that is counted or held for an organization and its keys. */
  of(organizationId: string): Redis {
    return this.#at(this.findPlace(organizationId))
  }

  /** All databases, starting with that of `shared`. */
  get all(): readonly Redis[] {
    return this.#places.map((_, at) => this.#at(at))
  }

  /** Groups organizations by their database, because one script can touch only one database. */
  group(organizationIds: Iterable<string>): string[][] {
    const groups: string[][] = []
    for (const id of organizationIds) (groups[this.findPlace(id)] ??= []).push(id)
    return groups.flatMap((group) => [group])
  }

  /** The index of an organization's database: 0, that of `shared`, for data that no organization owns. */
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

/** The database that counts a limit. @param organizationId its owner; `undefined` for limits of Tollgate's own endpoints */
export const findRedis = ({ redis }: { readonly redis: RedisDatabases }, organizationId: string | undefined): Redis =>
  organizationId === undefined ? redis.shared : redis.of(organizationId)
