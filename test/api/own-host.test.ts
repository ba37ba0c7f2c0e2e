import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { expect, test } from 'vitest'
import worker from '../../src/index.ts'

async function statusOf(path: string, GATEWAY_HOSTS: string) {
  const context = createExecutionContext()
  const response = await worker.fetch(new Request(`https://tollgate.test${path}`), { ...env, GATEWAY_HOSTS }, context)
  await waitOnExecutionContext(context)
  return response.status
}

test('the host of PUBLIC_URL is never the gateway’s alone: health, accounts and keys are still reached', async () => {
  for (const hosts of ['tollgate.test', 'api.example.test, TOLLGATE.TEST']) {
    expect(await statusOf('/health/live', hosts)).toBe(200)
    expect(await statusOf('/api/v1/auth/me', hosts)).toBe(401)
  }
})
