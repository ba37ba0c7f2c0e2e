/** Settles once the work has ended or gives its place up. */
type Work<Result> = (cut: AbortSignal) => Promise<Result>

/**
 * Bounded places whose work may last as long as nobody else needs one. Work that has lasted `patienceMs` lingers. If all
 * places are taken, the one that has lingered longest is cut off: one at a time, so that work lingers on where nothing
 * takes the place that became free.
 *
 * @param count the number of places; the caller never occupies more
 */
export function createPlaces(count: number, patienceMs: number) {
  /** In the order in which they began to linger. */
  const lingering = new Set<AbortController>()
  /** Without those that were cut off and are about to leave. */
  let taken = 0

  function relieve() {
    const [longest] = lingering
    if (!longest || taken < count) return
    leave(longest)
    longest.abort()
  }

  const present = new Set<AbortController>()
  function leave(place: AbortController) {
    lingering.delete(place)
    if (present.delete(place)) taken -= 1
  }

  return {
    /** @param mayLinger the work is never cut off */
    async occupy<Result>(work: Work<Result>, { mayLinger = false } = {}): Promise<Result> {
      const place = new AbortController()
      present.add(place)
      taken += 1
      relieve()
      const timer = setTimeout(() => {
        if (mayLinger) return
        lingering.add(place)
        relieve()
      }, patienceMs)
      try {
        return await work(place.signal)
      } finally {
        clearTimeout(timer)
        leave(place)
      }
    },
  }
}
