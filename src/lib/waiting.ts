/**
 * Waits for what another request has under way.
 *
 * The runtime takes a request that waits for nothing of its own for hung, and cancels it; it notices only when it collects
 * garbage, so mostly when the other one is slow. The timer is something of its own, and an end where the other was lost.
 *
 * @returns its result; `undefined` when it has none after that time
 * @throws what it throws
 */
export async function waitFor<Result>(work: Promise<Result>, ms: number): Promise<Result | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
