/**
 * What this process has begun and not yet ended: requests, and what goes on after their answers, such as a stream whose tokens are
 * counted. However long it takes: workerd gives up none of it, also when its client has gone away.
 */

let open = 0

/** What is used here of workerd's own. */
interface Context {
  waitUntil(work: Promise<unknown>): void
  passThroughOnException(): void
  readonly props: unknown
}

/** An execution context like the given one, whose deferred work counts. */
export function countIn<Given extends Context>(context: Given): Given {
  return {
    waitUntil: (work: Promise<unknown>) => context.waitUntil(counted(work)),
    passThroughOnException: () => context.passThroughOnException(),
    props: context.props,
  } as Given
}

/** @returns a promise that never rejects */
export async function counted(work: Promise<unknown>): Promise<void> {
  open += 1
  try {
    await work
  } catch {
    // who began it has seen to that
  } finally {
    open -= 1
  }
}

/** How much of it there is. */
export const countWork = (): number => open
