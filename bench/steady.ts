import { Agent, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { checkedFor, type Load, type Loaded, summarizeTimes } from './load.ts'

const TIMEOUT_MS = 30_000

/** The average number of requests per second, and the duration. */
interface Pace {
  readonly rate: number
  readonly seconds: number
}

/**
 * Sends requests at independent moments, as those of many callers (a Poisson process), and waits for all
 * answers. autocannon cannot: it sends all requests of a second in its first moment, so that batches are larger
 * and leases longer than at the same rate in a real service.
 */
export async function steadyLoad(asked: Omit<Load, 'connections'>, { rate, seconds }: Pace): Promise<Loaded> {
  const agent = new Agent({ keepAlive: true })
  const checked = checkedFor(asked.expected)
  const reasons = new Set<string>()
  const times: number[] = []
  let failed = 0
  async function ask() {
    const sent = performance.now()
    try {
      const { status, text } = await answer(agent, asked)
      times.push(performance.now() - sent)
      if (status < 200 || status > 299) failed += 1
      checked.isExpected(text)
    } catch (error) {
      failed += 1
      reasons.add(String(error))
    }
  }
  const asking: Promise<void>[] = []
  const started = performance.now()
  for (let at = gapMs(rate); at < seconds * 1_000; at += gapMs(rate)) {
    await wait(Math.max(0, started + at - performance.now()))
    asking.push(ask())
  }
  await Promise.all(asking)
  agent.destroy()
  return {
    ...summarizeTimes(times, seconds),
    failed,
    unexpected: checked.unexpected(),
    reasons: [...reasons, ...checked.reasons()],
  }
}

const gapMs = (rate: number) => (-Math.log(1 - Math.random()) * 1_000) / rate

async function answer(agent: Agent, { url, method = 'GET', headers = {}, body }: Omit<Load, 'connections'>) {
  const sent = typeof body === 'function' ? body() : body
  return await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const asked = request(url, { agent, method, signal, headers: { ...headers, 'Content-Type': 'application/json' } })
    asked.once('error', reject)
    asked.once('response', async (response) => {
      try {
        let text = ''
        for await (const chunk of response) text += String(chunk)
        resolve({ status: response.statusCode ?? 0, text })
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
    asked.end(sent)
  })
}
