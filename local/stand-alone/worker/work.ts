/** What this process has begun and not yet ended: requests, and what goes on after their answers. */

/** As long as the platform gives work after an answer. What is older was given up together with its request. */
const LIFETIME_MS = 30_000

const begun = new Map<number, number>()
let last = 0

/** An execution context like the given one, whose deferred work counts. */
export function countIn(context: ExecutionContext): ExecutionContext {
  return {
    waitUntil: (work: Promise<unknown>) => context.waitUntil(counted(work)),
    passThroughOnException: () => context.passThroughOnException(),
    props: context.props,
  } as ExecutionContext
}

/** @returns a promise that never rejects */
export async function counted(work: Promise<unknown>): Promise<void> {
  const id = ++last
  begun.set(id, Date.now())
  try {
    await work
  } catch {
    // who began it has seen to that
  } finally {
    begun.delete(id)
  }
}

/** How much of it there is. */
export function countWork(): number {
  const oldest = Date.now() - LIFETIME_MS
  for (const [id, since] of begun) {
    if (since > oldest) break // they are in the order in which they began
    begun.delete(id)
  }
  return begun.size
}
