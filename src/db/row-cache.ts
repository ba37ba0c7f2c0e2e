import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { waitFor } from '../lib/waiting.ts'

/** Somewhat longer than a query may take. */
const LOAD_MS = 6_000

interface Cached<Rows> {
  /** The log entry when rows could not be reloaded. */
  readonly failure: string
  /** Rows of this age, in milliseconds, are reloaded in the background. */
  readonly freshMs: number
  /** Rows of this age are used only while the database does not answer, so a change takes effect within it. */
  readonly maxAgeMs: number
  read(deps: Deps): Promise<Rows>
}

interface RowCache<Rows> {
  /**
   * The rows. While the database does not answer, the last known rows are returned.
   *
   * @throws Problem `unavailable` if none are known and the database does not answer
   */
  find(deps: Deps): Promise<Rows>
  /** Discards the rows, so that the isolate that changed one sees the change at once. */
  forget(): void
}

/** Caches the rows of a small operator table in the isolate's memory. */
export function cacheRows<Rows>({ failure, freshMs, maxAgeMs, read }: Cached<Rows>): RowCache<Rows> {
  let known: { readonly rows: Rows; readonly loadedAt: number } | undefined
  let loading: Promise<Rows> | undefined
  let generation = 0

  async function select(deps: Deps): Promise<Rows> {
    const [loadedAt, begun] = [deps.now(), generation]
    const rows = await read(deps)
    if (begun === generation) known = { rows, loadedAt } // else a row changed meanwhile, and these may be stale
    return rows
  }

  async function load(deps: Deps): Promise<Rows> {
    const underway = loading && (await waitFor(loading, LOAD_MS))
    if (underway) return underway
    const work = select(deps).finally(() => {
      if (loading === work) loading = undefined
    })
    loading = work
    deps.defer(work.catch(() => undefined)) // others wait for it, so it outlives a caller that disconnects
    return work
  }

  return {
    async find(deps) {
      const age = known ? deps.now() - known.loadedAt : Number.POSITIVE_INFINITY
      if (known && age < freshMs) return known.rows
      if (known && age < maxAgeMs) {
        if (!loading) deps.defer(load(deps).catch(() => undefined))
        return known.rows
      }
      try {
        return await load(deps)
      } catch (error) {
        if (!known) throw error
        log('warn', failure, errorFields(error))
        return known.rows
      }
    },
    forget() {
      known = undefined
      loading = undefined
      generation += 1
    },
  }
}
