import { env } from 'cloudflare:workers'
import { type Answer, randomIp } from './http.ts'

/**
 * The Worker with other variables: sends a request as `METHOD /path`, a string as it is and anything else as JSON, and can
 * wait for what goes on after the answer.
 */
export function workerWith(variables: Record<string, string>) {
  const deferred: Promise<unknown>[] = []
  const bindings = { ...env, ...variables }
  const context = {
    waitUntil: (work: Promise<unknown>) => void deferred.push(work),
    passThroughOnException: () => undefined,
  } as unknown as ExecutionContext

  async function call(
    line: string,
    body?: unknown,
    ip = randomIp(),
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const [method = 'GET', path = '/'] = line.split(' ')
    const type = body !== undefined && { 'Content-Type': 'application/json' }
    const headers = { 'CF-Connecting-IP': ip, ...type, ...more }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const init = { method, headers, ...(body !== undefined && { body: text }) }
    const { app } = await import('../../src/app.ts') // that of now: a test may load its modules again
    const response = await app.fetch(new Request(`https://tollgate.test${path}`, init), bindings, context)
    const answer = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: /^[{[]/.test(answer) ? JSON.parse(answer) : answer,
    }
  }

  async function settled(): Promise<void> {
    while (deferred.length > 0) await Promise.all(deferred.splice(0))
  }

  return { call, settled }
}
