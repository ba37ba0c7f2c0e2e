import { createDeps } from '../../../src/create-deps.ts'
import { errorFields, log, logHeld } from '../../../src/lib/log.ts'
import { sleep } from '../../../src/lib/sleep.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { countWork } from './work.ts'

const LOOK_EVERY_MS = 25
/** How long the last answers have to leave the process after it is told to stop. */
const LAST_ANSWERS_MS = 100

/**
 * Waits until all work has ended: requests, batches of usage (100 ms and their write), leases (1.5 s, then they are
 * returned). Then writes what waits in the spool.
 *
 * Its answer is a stream of lines. `idle` says that this process may be told to stop: this request continues for a moment,
 * and workerd keeps running until it ends. The last line says what is left undone.
 *
 * @param withinMs stops waiting after this time
 */
export function finishWork(env: object, context: ExecutionContext, withinMs: number): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  context.waitUntil(finish(env, context, withinMs, writable))
  return new Response(readable)
}

async function finish(env: object, context: ExecutionContext, withinMs: number, to: WritableStream<Uint8Array>) {
  const lines = to.getWriter()
  const say = (line: object) => lines.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`))
  const until = Date.now() + withinMs
  await say({ stopping: true })
  while (countWork() > 0 && Date.now() < until) await sleep(LOOK_EVERY_MS)
  const spool = await Promise.race([drainSpool(env, context), sleep(Math.max(0, until - Date.now()))])
  const left = countWork()
  logHeld(true)
  await say({ idle: true, left, ...spool })
  await sleep(LAST_ANSWERS_MS)
  await lines.close()
}

async function drainSpool(env: object, context: ExecutionContext): Promise<{ spooled?: number }> {
  try {
    const deps = createDeps(env, context)
    deps.budget.lift()
    const { left } = await drainUsageSpool(deps)
    return { spooled: left }
  } catch (error) {
    log('warn', 'spool_not_drained', errorFields(error)) // it is in Redis, and the next process drains it
    return {}
  }
}
