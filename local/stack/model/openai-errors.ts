import { json, type Reply } from '../http.ts'

const KINDS: Readonly<Record<number, readonly [type: string, code: string | null]>> = {
  400: ['invalid_request_error', null],
  401: ['invalid_request_error', 'invalid_api_key'],
  429: ['requests', 'rate_limit_exceeded'],
}

/** An error in OpenAI's format. */
export function failOpenAi(status: number, message: string): Reply {
  const [type, code] = KINDS[status] ?? ['server_error', null]
  const reply = json(status, { error: { message, type, param: null, code } })
  return status === 429 ? { ...reply, headers: { 'retry-after': '1' } } : reply
}
