import { env } from 'cloudflare:workers'
import { app } from '../../src/app.ts'
import { type Answer, randomIp } from './http.ts'

/** The Worker with other variables: sends a request as `METHOD /path`, and can wait for what goes on after the answer. */
export function workerWith(variables: Record<string, string>) {
  const deferred: Promise<unknown>[] = []
  const bindings = { ...env, ...variables }
  const context = {
    waitUntil: (work: Promise<unknown>) => void deferred.push(work),
    passThroughOnException: () => undefined,
  } as unknown as ExecutionContext

  async function call(line: string, body?: unknown, ip = randomIp()): Promise<Answer> {
    const [method = 'GET', path = '/'] = line.split(' ')
    const headers = { 'CF-Connecting-IP': ip, ...(body !== undefined && { 'Content-Type': 'application/json' }) }
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const response = await app.fetch(new Request(`https://tollgate.test${path}`, init), bindings, context)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text.startsWith('{') ? JSON.parse(text) : text,
    }
  }

  async function settled(): Promise<void> {
    while (deferred.length > 0) await Promise.all(deferred.splice(0))
  }

  return { call, settled }
}
