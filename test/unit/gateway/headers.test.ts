import { expect, test } from 'vitest'
import { upstreamHeaders } from '../../../src/gateway/headers.ts'
import type { Match } from '../../../src/gateway/match.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const match = { route: { meter: 'calls', addHeaders: [] } } as unknown as Match

const send = (headers: Record<string, string>) => {
  const request = new Request('https://api.example.com/', { headers })
  const sent = upstreamHeaders(request, match, {
    requestId: 'r',
    url: new URL(request.url),
    ip: undefined,
    record: undefined,
  })
  return [sent.get('traceparent'), sent.get('tracestate')]
}

test('a trace goes on upstream, with its state', () => {
  expect(send({ traceparent: TRACEPARENT, tracestate: 'a=1' })).toEqual([TRACEPARENT, 'a=1'])
})

test('what is no trace goes no further, and neither does a state without one', () => {
  expect(send({ traceparent: '00-1-2-01', tracestate: 'a=1' })).toEqual([null, null])
  expect(send({ tracestate: 'a=1' })).toEqual([null, null])
})
