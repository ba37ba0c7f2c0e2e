import { describe, expect, test } from 'vitest'
import {
  ACCESS,
  isChargeOfStart,
  isEligible,
  isInForce,
  isOver,
  type SubscriptionState,
  selectCurrent,
} from '../../../../src/billing/subscriptions/rules.ts'

const DAY = 24 * 3_600_000
const START = Date.UTC(2026, 10, 1)
const END = Date.UTC(2026, 11, 1)
const NOW = { at: Date.UTC(2026, 10, 15), graceDays: 7 }

const state = (changes: Partial<SubscriptionState> = {}): SubscriptionState => ({
  status: 'active',
  currentPeriodStart: new Date(START),
  currentPeriodEnd: new Date(END),
  cancelAtPeriodEnd: false,
  trialEnd: null,
  pastDueSince: null,
  endedAt: null,
  refundedChargeAt: null,
  ...changes,
})

describe('the purchased plan applies', () => {
  test.each([
    ['trialing', true],
    ['active', true],
    ['past_due', true],
    ['canceled', true],
    ['paused', false],
    ['unpaid', false],
    ['incomplete', false],
  ] as const)('while %s: %s', (status, expected) => {
    const pastDueSince = status === 'past_due' ? new Date(NOW.at) : null
    expect(isInForce(state({ status, pastDueSince }), NOW)).toBe(expected)
  })

  test('for exactly the grace days after a payment failed; with none, not at all', () => {
    const failed = state({ status: 'past_due', pastDueSince: new Date(NOW.at) })
    expect(isInForce(failed, { ...NOW, at: NOW.at + 7 * DAY - 1 })).toBe(true)
    expect(isInForce(failed, { ...NOW, at: NOW.at + 7 * DAY })).toBe(false)
    expect(isInForce(failed, { ...NOW, graceDays: 0 })).toBe(false)
  })

  test('to the end of the period of a canceled one, even if nobody reports that end', () => {
    for (const canceled of [state({ cancelAtPeriodEnd: true }), state({ status: 'canceled' })]) {
      expect(isInForce(canceled, { ...NOW, at: END - 1 })).toBe(true)
      expect(isInForce(canceled, { ...NOW, at: END })).toBe(false)
      expect([isOver(canceled, END - 1), isOver(canceled, END)]).toEqual([false, true])
    }
    expect(isInForce(state(), { ...NOW, at: END + DAY })).toBe(true) // a renewal that nobody has reported yet
  })

  test('not after its end, which takes precedence over the period', () => {
    const revoked = state({ status: 'canceled', endedAt: new Date(NOW.at) })
    expect(isInForce(revoked, { ...NOW, at: NOW.at - 1 })).toBe(true)
    expect(isInForce(revoked, NOW)).toBe(false)
    expect(isInForce(state({ status: 'canceled', currentPeriodEnd: null }), NOW)).toBe(false)
  })

  test('not while the charge for its period is refunded; an earlier charge belongs to another period', () => {
    const refunded = (at: number) => isInForce(state({ refundedChargeAt: new Date(at) }), NOW)
    expect(refunded(START)).toBe(false)
    expect(refunded(START - 3_600_000)).toBe(false)
    expect(refunded(START - 3_600_001)).toBe(true)
    expect(refunded(START + DAY)).toBe(false)
  })
})

test('before the first payment a subscription has no effect, and none after it has ended', () => {
  for (const status of Object.keys(ACCESS) as (keyof typeof ACCESS)[])
    expect(isEligible(state({ status }), NOW.at)).toBe(status !== 'incomplete')
  expect(isEligible(state({ endedAt: new Date(NOW.at) }), NOW.at)).toBe(false)
})

test('of several the active one decides, then the one that decided before, then the newest', () => {
  const one = (id: string, changes: Partial<SubscriptionState> & { isCurrent?: boolean; day?: number }) => ({
    ...state(changes),
    id,
    isCurrent: changes.isCurrent ?? false,
    createdAt: new Date(START + (changes.day ?? 0) * DAY),
  })
  const paused = one('paused', { status: 'paused', isCurrent: true })
  const old = one('old', {})
  const young = one('young', { day: 1 })
  expect(selectCurrent([paused, old, young], NOW)?.id).toBe('young')
  expect(selectCurrent([paused, { ...old, isCurrent: true }, young], NOW)?.id).toBe('old')
  expect(selectCurrent([paused], NOW)?.id).toBe('paused')
  expect(
    selectCurrent([one('begun', { status: 'incomplete' }), one('past', { endedAt: new Date(START) })], NOW),
  ).toBeUndefined()
})

test('a charge within an hour of the start of a period belongs to that start', () => {
  const isOfStart = (at: number) => isChargeOfStart(state(), new Date(at))
  const HOUR = 3_600_000
  expect([START - HOUR - 1, START - HOUR, START, START + HOUR, START + HOUR + 1].map(isOfStart)).toEqual([
    false,
    true,
    true,
    true,
    false,
  ])
  expect(isChargeOfStart(state({ currentPeriodStart: null }), new Date(START))).toBe(false)
})
