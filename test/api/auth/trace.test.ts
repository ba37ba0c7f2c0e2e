import { expect, test, vi } from 'vitest'
import { call, newUser } from '../../support/http.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

test("a refusal's log line links to the caller's trace, if there is one", async () => {
  const lines: Record<string, unknown>[] = []
  const { token } = await newUser()
  const spy = vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(JSON.parse(String(line))))
  const ask = (traceparent: string) => call('GET /api/v1/admin/system', { token, headers: { traceparent } })
  try {
    for (const value of [`00-${TRACE}-00f067aa0ba902b7-01`, '00-1-2-01']) expect((await ask(value)).status).toBe(404)
  } finally {
    spy.mockRestore()
  }
  const refused = lines.filter(({ event, path }) => event === 'access_refused' && path === '/api/v1/admin/system')
  expect(refused.map((line) => line.trace_id)).toEqual([TRACE, undefined])
})
