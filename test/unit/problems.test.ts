import { describe, expect, test } from 'vitest'
import { fieldErrors } from '../../src/field-errors.ts'
import { PROBLEMS, Problem, type ProblemCode, problemBody } from '../../src/problems.ts'

const PUBLIC_URL = 'https://tollgate.example.com'
const ALL = Object.entries(PROBLEMS) as [ProblemCode, readonly [number, string]][]

describe('the table', () => {
  test.each(ALL)('%s: a stable name, a failing status and a human-readable sentence', (code, [status, title]) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(title).toMatch(/^[A-Z].*\.$/)
  })

  test('no two problems have the same text', () => {
    expect(new Set(ALL.map(([, [, title]]) => title)).size).toBe(ALL.length)
  })
})

describe('a problem', () => {
  test('is an error with its code, and the status of the table', () => {
    const problem = new Problem('key_not_found')
    expect(problem).toBeInstanceOf(Error)
    expect(problem).toMatchObject({ name: 'Problem', code: 'key_not_found', status: 404, extra: {} })
  })

  test('shows its detail, else its errors, else its title', () => {
    const errors = [
      { path: 'body.name', message: 'is too long' },
      { path: 'body.cost', message: 'is negative' },
    ]
    expect(new Problem('invalid_request', { detail: 'Just no.', errors }).message).toBe('Just no.')
    expect(new Problem('invalid_request', { errors }).message).toBe('body.name: is too long; body.cost: is negative')
    expect(new Problem('invalid_request').message).toBe(PROBLEMS.invalid_request[1])
  })
})

describe('the answer', () => {
  test.each(ALL)('for %s has the members of RFC 9457, the code and the request id', (code, [status, title]) => {
    expect(problemBody(new Problem(code), PUBLIC_URL, 'request-1')).toEqual({
      type: `${PUBLIC_URL}/docs#${code}`,
      title,
      status,
      detail: title,
      code,
      request_id: 'request-1',
    })
  })

  test('links to the list by a relative address while the configuration is unreadable', () => {
    expect(problemBody(new Problem('misconfigured'), undefined, 'r').type).toBe('/docs#misconfigured')
  })

  test('keeps the title and explains in detail what happened this time', () => {
    const problem = new Problem('unavailable', { detail: 'The database does not answer.' })
    expect(problemBody(problem, PUBLIC_URL, 'r')).toMatchObject({
      title: PROBLEMS.unavailable[1],
      detail: 'The database does not answer.',
    })
  })

  test('lists errors if there are any, and shows nothing of headers and causes', () => {
    const errors = [{ path: 'body.name', message: 'is too long' }]
    const problem = new Problem('invalid_request', { errors, headers: { 'Retry-After': '5' } })
    expect(problemBody(problem, PUBLIC_URL, 'r')).toEqual({
      type: `${PUBLIC_URL}/docs#invalid_request`,
      title: PROBLEMS.invalid_request[1],
      status: 400,
      detail: 'body.name: is too long',
      code: 'invalid_request',
      request_id: 'r',
      errors,
    })
  })
})

test('an unconfigured feature is a state of the deployment: not an unknown method, and not retryable', () => {
  expect(PROBLEMS.billing_not_offered[0]).toBe(409)
  expect(ALL.filter(([, [status]]) => status === 501)).toEqual([])
})

test('a finding gives its location in the request as one path', () => {
  const issues = [
    { path: [], message: 'is missing' },
    { path: ['events', 0, 'id'], message: 'is not a UUID' },
    { path: ['limit'], message: 'is not a number', code: 'invalid_type', input: 'secret' },
  ]
  expect(fieldErrors('body', issues)).toEqual([
    { path: 'body', message: 'is missing' },
    { path: 'body.events.0.id', message: 'is not a UUID' },
    { path: 'body.limit', message: 'is not a number' },
  ])
})
