/**
 * Works side by side in a bounded number of places: whatever ends makes room for the next at once, so nothing waits for
 * the slowest. Ends when nothing is left to take and nothing is under way any more.
 *
 * @param take gives at most so many pieces of work; none for now, or none any more, where there are fewer
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
      const taken = await take(places - underway.size)
      for (const piece of taken) {
        const going: Promise<void> = work(piece).finally(() => underway.delete(going))
        underway.add(going)
      }
      if (underway.size === 0) return
      if (taken.length === 0 || underway.size === places) await Promise.race(underway)
    }
  } finally {
    await Promise.all(underway) // also where nothing more can be taken: what has begun is not left behind
  }
}
