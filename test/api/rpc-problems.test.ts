import { env, exports } from 'cloudflare:workers'
import { Hono } from 'hono'
import { describe, expect, inject, test } from 'vitest'
import { createDeps } from '../../src/create-deps.ts'
import { answerError } from '../../src/http/edge.ts'
import type { AppEnv } from '../../src/http/env.ts'
import { PROBLEMS, Problem, type ProblemCode } from '../../src/problems.ts'
import { describeFailure } from '../../src/rpc.ts'
import { call } from '../support/http.ts'

const CODES = Object.keys(PROBLEMS) as ProblemCode[]
const requestId = '01900000-0000-7000-8000-000000000000'
const errors = [{ path: 'body.name', message: 'must not be empty' }]

/** The problem as the edge returns it over HTTP; without an address the configuration counts as unreadable. */
async function overHttp(problem: Problem, publicUrl: string | undefined) {
  const app = new Hono<AppEnv>()
  app.onError((error, c) => answerError(error, c))
  app.get('/', (c) => {
    if (publicUrl) c.set('deps', createDeps({ ...env, PUBLIC_URL: publicUrl }, { waitUntil: () => undefined }))
    c.set('requestId', requestId)
    throw problem
  })
  return app.request('/')
}

describe.each(['https://api.example.org', 'https://api.example.org/gate/', undefined])(
  'deployed at %s',
  (publicUrl) => {
    test.each(CODES)('%s is the same problem over HTTP and RPC, with the same status and wait', async (code) => {
      for (const problem of [new Problem(code), new Problem(code, { errors, headers: { 'Retry-After': '7' } })]) {
        const answer = await overHttp(problem, publicUrl)
        const failure = describeFailure(problem, { requestId, publicUrl })
        expect(failure.problem).toEqual(await answer.json())
        expect(failure.problem.type).toBe(`${publicUrl ? 'https://api.example.org' : ''}/docs#${code}`)
        expect(failure.status).toBe(answer.status)
        expect(failure.headers['Retry-After'] ?? null).toBe(answer.headers.get('Retry-After'))
      }
    })
  },
)

test('a failed call has the same form, with a link to the documentation of this deployment', async () => {
  const { service_key: token } = inject('credentials')
  const rpc = exports.Tollgate
  const nobody = requestId
  const pairs: [string, unknown, (input: any) => Promise<unknown>][] = [
    ['POST /api/v1/keys/verify', { cost: -1 }, (input) => rpc.verifyKey(input)],
    ['POST /api/v1/usage', { events: [] }, (input) => rpc.recordUsage(input)],
    ['POST /api/v1/usage/reserve', { organization_id: nobody, amounts: { tokens: 1 } }, (input) => rpc.reserve(input)],
    ['POST /api/v1/usage/settle', { reservation_id: 'x', amounts: {} }, (input) => rpc.settle(input)],
  ]
  for (const [line, body, ask] of pairs) {
    const { status, body: problem } = await call(line, { token, body })
    expect(status, line).toBeGreaterThanOrEqual(400)
    const failure = await ask(body)
    expect(failure, line).toMatchObject({ status, problem: { ...problem, request_id: expect.any(String) } })
    expect(problem.type, line).toBe(`https://tollgate.test/docs#${problem.code}`)
  }
})
