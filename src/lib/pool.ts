/**
 * Runs work with bounded concurrency. A finished piece makes room for the next at once, so nothing waits for the
 * slowest. Ends when `take` returns nothing although no work was running when it was called: work that ends meanwhile may have
 * made more available.
 *
 * @param take returns at most the given number of pieces; fewer, or none, if there are no more right now
 * @param work must not throw
 */
export async function inPool<Piece>(
  places: number,
  take: (atMost: number) => Promise<readonly Piece[]>,
  work: (piece: Piece) => Promise<void>,
): Promise<void> {
  const underway = new Set<Promise<void>>()
  try {
    for (;;) {
      const wasIdle = underway.size === 0
      const taken = await take(places - underway.size)
      for (const piece of taken) {
        const going: Promise<void> = work(piece).finally(() => underway.delete(going))
        underway.add(going)
      }
      if (taken.length === 0 && wasIdle) return
      const mustWait = taken.length === 0 || underway.size === places
      if (mustWait && underway.size > 0) await Promise.race(underway)
    }
  } finally {
    await Promise.all(underway) // also if nothing more can be taken: work that has begun is awaited
  }
}
