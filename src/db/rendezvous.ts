/**
 * The place of a name among several, by rendezvous hashing: the place that gives the name its highest weight (Thaler and
 * Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1), 1998). Nothing is
 * stored, and when a place is added at the end, only the names that it gets move.
 *
 * @param places the number of places, 1 or more
 */
export function choosePlace(name: string, places: number): number {
  let [best, highest] = [0, -1]
  for (let place = 0; place < places; place++) {
    const weight = hash(`${place}:${name}`)
    if (weight > highest) [best, highest] = [place, weight]
  }
  return best
}

/** 32-bit FNV-1a, then the finalizer of MurmurHash3, without which similar names have similar weights. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
