/** Above the time in which the server answers (REQUEST_BUDGET_MS, 15 s unless it is set), with time for a slow network. */
export const ANSWER_MS = 30_000
/** For an answer that is a file. */
export const FILE_MS = 300_000

/** @returns a signal that ends a request after a time, or when the other one does: a broken connection may hang for ever */
export function limitTime(ms: number, signal?: AbortSignal): AbortSignal {
  const limit = AbortSignal.timeout(ms)
  return signal ? AbortSignal.any([signal, limit]) : limit
}
