import type { ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'

/** So many refusals are no matter of a store that is still waking up: their reason is printed. */
const REFUSALS_UNTIL_TOLD = 10

/** @returns false if the server ended before it was healthy */
export async function untilUp(url: string, server: Pick<ChildProcess, 'exitCode' | 'signalCode'>): Promise<boolean> {
  for (let refusals = 0; server.exitCode === null && server.signalCode === null; await wait(200)) {
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) return true
    if (answer && ++refusals === REFUSALS_UNTIL_TOLD)
      console.error(`The Worker answers ${answer.status}: ${(await answer.text()).slice(0, 500)}`)
  }
  return false
}
