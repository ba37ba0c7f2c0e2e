import { setTimeout as wait } from 'node:timers/promises'
import type { Fault, Faults, ServiceName } from './faults.ts'
import type { Answer, Call, Reply } from './http.ts'

/** `reset` means a connection that is dropped without an answer. */
type Outcome = Reply | 'reset'

interface FaultContext {
  fault: Fault
  call: Call
  answer: () => Reply | Promise<Reply>
  faults: Faults
}

/** The effect of each kind of fault on a request. `answer()` is the moment at which the request takes effect. */
const EFFECTS: Record<Fault['kind'], (passage: FaultContext) => Promise<Outcome>> = {
  // A client that gives up does not undo the delayed statement, just as with a slow database.
  delay: async ({ fault, answer }) => {
    await wait('value' in fault ? fault.value : 0, undefined, { ref: false })
    return answer()
  },
  status: async ({ fault, call }) => brokenProxy('value' in fault ? fault.value : 500, call),
  rate: async ({ call }) => ({ ...brokenProxy(429, call), headers: { 'retry-after': '1' } }),
  hang: async ({ call, answer, faults }) => {
    const left = await Promise.race([faults.cleared().then(() => false), call.gone.then(() => true)])
    return left ? 'reset' : answer()
  },
  reset_before: async () => 'reset',
  reset_after: async ({ answer }) => {
    await answer()
    return 'reset'
  },
  truncate: async ({ answer }) => ({ ...(await answer()), cut: true }),
}

/** Passes a request to its service, or applies the first fault that hits it. */
export async function applyFault(door: ServiceName, call: Call, answer: Answer, faults: Faults): Promise<Outcome> {
  const fault = faults.strike(door, call.body || addressOf(call))
  if (!fault) return answer(call)
  return EFFECTS[fault.kind]({ fault, call, faults, answer: () => answer(call) })
}

/** A request without a body is matched by its path and query, as people write them. */
function addressOf({ url }: Call): string {
  const query = [...url.searchParams].map(([name, value]) => `${name}=${value}`).join('&')
  return query === '' ? url.pathname : `${url.pathname}?${query}`
}

/** What a proxy answers if it cannot reach a server: a page that names the server, which no outsider should see. */
function brokenProxy(status: number, call: Call): Reply {
  const body = `<html><head><title>${status}</title></head><body><h1>Error ${status}</h1>
<p>The upstream ${call.url.origin}${call.url.pathname} did not answer.</p></body></html>`
  return { status, type: 'text/html; charset=utf-8', body }
}
