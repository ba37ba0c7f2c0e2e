import { vi } from 'vitest'
import type { UsageAmount, UsageReceipt } from '../../src/billing/providers/provider.ts'
import { bodyOf, urlOf } from './shop.ts'

interface Asked {
  readonly line: string
  readonly headers: Headers
  readonly body: string
}

/** Makes a provider respond in this way, one after the other, and returns its requests. */
export function answering(...answers: readonly (Response | Error)[]): Asked[] {
  for (const level of ['info', 'warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => undefined)
  const asked: Asked[] = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = new URL(urlOf(input))
    const line = `${init?.method} ${url.pathname}${decodeURIComponent(url.search)}`
    asked.push({ line, headers: new Headers(init?.headers), body: bodyOf(init) })
    const answer = answers[asked.length - 1] ?? new Error('nothing left to answer')
    if (answer instanceof Error) throw answer
    return answer.clone()
  })
  return asked
}

export const json = (body: unknown, status = 200) => Response.json(body, { status })

/** An amount of overage. */
export const newAmount = (idempotencyKey: string): UsageAmount => ({
  idempotencyKey,
  generation: 0,
  organizationId: '0193e3a0-0000-7000-8000-000000000001',
  customerId: 'cus_1',
  subscriptionId: 'sub_1',
  meter: 'api_calls',
  value: 7,
  unitsPerOne: 1,
  cents: 12n,
  periodStart: new Date('2026-11-01T00:00:00Z'),
  at: new Date('2026-11-15T00:00:00Z'),
})

export const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error: { code?: string }) => error.code,
  )

/** The result when a provider processed none of a batch's amounts. */
export const NOTHING: UsageReceipt = { taken: [], refused: [], postponed: [], contradicted: [] }
