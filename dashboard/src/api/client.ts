import { resolveMoment } from './moments.ts'
import { portal, showPortalEnd } from './portal.ts'
import { readProblem, unreachable } from './problem.ts'
import { accessToken, forgetToken } from './session.ts'
import { ANSWER_MS, FILE_MS, limitTime } from './time-limit.ts'
import type { Operations } from './types.ts'

export type OperationName = keyof Operations
export type Answer<Name extends OperationName> = Operations[Name]['answer']

/** What a request of an operation consists of: path parameters, query and body, as its types require. */
export type Input<Name extends OperationName> = Omit<Operations[Name], 'answer'>
/** The input may be left out where nothing in it is required. */
export type InputArguments<Name extends OperationName> =
  object extends Input<Name> ? [input?: Input<Name> & Extra] : [input: Input<Name> & Extra]

interface Extra {
  readonly signal?: AbortSignal
  /** Lets the server repeat its first answer (`Idempotency-Key`). */
  readonly idempotencyKey?: string
}

interface AnyInput extends Extra {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

/**
 * Calls an operation of the API as the signed-in user.
 *
 * @throws ApiError for every answer that is not successful, and if there is no answer
 */
export async function call<Name extends OperationName>(
  name: Name,
  ...[input]: InputArguments<Name>
): Promise<Answer<Name>> {
  const answer = await request(name, input ?? {}, ANSWER_MS)
  const text = await readText(answer, input?.signal) // some answers say all with their status
  return (text === '' ? undefined : JSON.parse(text)) as Answer<Name>
}

/** An answer that breaks off is as good as none. */
async function readText(answer: Response, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await answer.text()
  } catch (error) {
    if (signal?.aborted) throw error
    throw unreachable()
  }
}

/** The same, for an answer that is not JSON. */
export async function callRaw<Name extends OperationName>(
  name: Name,
  ...[input]: InputArguments<Name>
): Promise<Response> {
  return request(name, input ?? {}, FILE_MS)
}

/** @param ms the time for the whole answer */
async function request(name: string, input: AnyInput, ms: number): Promise<Response> {
  const token = await accessToken()
  const answer = await send(name, input, token, ms)
  if (answer.status === 401 && portal()) showPortalEnd()
  if (answer.status !== 401 || token === undefined) return requireOk(answer)
  forgetToken(token)
  const other = await accessToken()
  return requireOk(other === undefined || other === token ? answer : await send(name, input, other, ms))
}

async function requireOk(answer: Response): Promise<Response> {
  if (!answer.ok) throw await readProblem(answer)
  return answer
}

async function send(name: string, input: AnyInput, token: string | undefined, ms: number): Promise<Response> {
  const [method = 'GET', path = ''] = name.split(' ')
  const headers = new Headers()
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`)
  if (input.body !== undefined) headers.set('Content-Type', 'application/json')
  if (input.idempotencyKey) headers.set('Idempotency-Key', input.idempotencyKey)
  try {
    return await fetch(`/api/v1${fillPath(path, input.params)}${toQuery(input.query)}`, {
      method,
      headers,
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
      signal: limitTime(ms, input.signal),
    })
  } catch (error) {
    if (input.signal?.aborted) throw error
    throw unreachable()
  }
}

const fillPath = (path: string, params: AnyInput['params'] = {}) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))

function toQuery(query: AnyInput['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const sent = pairs.map(([name, value]) => [
    name,
    name === 'from' ? resolveMoment(String(value), Date.now()) : String(value),
  ])
  return sent.length > 0 ? `?${new URLSearchParams(sent)}` : ''
}
