/** Settles once the work has ended or given up its place. */
type Work<Result> = (cut: AbortSignal) => Promise<Result>

/** Admits a limited number of entrants; the others wait in a queue. */
function createDoor(count: number) {
  const waiting: (() => void)[] = []
  /** In the order in which they began to linger. */
  const lingering = new Set<AbortController>()
  let taken = 0
  /** Aborted, but still inside. */
  let leaving = 0

  function relieve() {
    const needed = Math.max(waiting.length, lingering.size + leaving === count ? 1 : 0)
    const [longest] = lingering
    if (!longest || leaving >= needed) return
    lingering.delete(longest)
    leaving += 1
    longest.abort()
    relieve()
  }

  async function enter() {
    if (taken < count) {
      taken += 1
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.push(resolve)
    relieve()
    await promise
  }

  function linger(place: AbortController) {
    lingering.add(place)
    relieve()
  }

  /** Passes the place on to the next in the queue. */
  function leave(place: AbortController) {
    lingering.delete(place)
    if (place.signal.aborted) leaving -= 1
    const next = waiting.shift()
    if (next) next()
    else taken -= 1
  }

  return { enter, linger, leave }
}

/**
 * Bounded places whose work may last as long as nobody else needs one; others wait for their turn. Work that has lasted
 * `patienceMs` lingers. While others wait, or once lingering work has all places, the work that has lingered longest is
 * aborted: at most one for each that waits, so that work continues if nobody needs its place.
 *
 * @param count the number of places
 */
export function createPlaces(count: number, patienceMs: number) {
  const { enter, linger, leave } = createDoor(count)
  return {
    /** @param mayLinger whether the work is never aborted */
    async occupy<Result>(work: Work<Result>, { mayLinger = false } = {}): Promise<Result> {
      await enter()
      const place = new AbortController()
      const timer = setTimeout(() => mayLinger || linger(place), patienceMs)
      try {
        return await work(place.signal)
      } finally {
        clearTimeout(timer)
        leave(place)
      }
    },
  }
}
