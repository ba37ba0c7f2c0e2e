/**
 * The sliding window, decided purely. It weighs two fixed windows, like the algorithm of that name in
 * \@upstash/ratelimit, but rounds the share of the previous one up, so that no stretch of one window's length is ever
 * admitted more than the limit by rounding.
 */
export interface WindowState {
  /** Unix milliseconds, by the clock that counted. */
  readonly now: number
  readonly windowMs: number
  readonly limit: number
  /** Units taken in the fixed window that holds `now`, and in the one before. */
  readonly current: number
  readonly previous: number
}

/** @returns units that may still be taken at this moment, never below 0 */
export function remainingIn(state: WindowState): number {
  const share = 1 - (state.now % state.windowMs) / state.windowMs
  return Math.max(0, state.limit - state.current - Math.ceil(state.previous * share))
}

/** @returns when the current fixed window ends, in Unix milliseconds */
export function windowEnd(state: WindowState): number {
  return (Math.floor(state.now / state.windowMs) + 1) * state.windowMs
}

/**
 * When `cost` units will fit if nobody takes any meanwhile: what a refused caller should wait for.
 *
 * @returns Unix milliseconds; the window's end for a cost above the limit, which never fits
 */
export function fitsAt(state: WindowState, cost: number): number {
  const end = windowEnd(state)
  if (cost > state.limit) return end
  const spareNow = state.limit - state.current - cost
  if (spareNow >= 0) return Math.max(state.now, decaysTo(end - state.windowMs, state, state.previous, spareNow))
  return decaysTo(end, state, state.current, state.limit - cost)
}

/** When, in the window from `start`, the weighted `previous` has sunk to `spare`. */
function decaysTo(start: number, { windowMs }: WindowState, previous: number, spare: number): number {
  return previous <= spare ? start : Math.ceil(start + windowMs * (1 - spare / previous))
}
