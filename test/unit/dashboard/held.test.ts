import { expect, test } from 'vitest'
import { describeHeld } from '../../../dashboard/src/screens/usage/held.ts'

test("a reservation's amounts are listed by meter, with units; a slot holds only its place", () => {
  const own = { audio: { name: 'Audio', unit: 'seconds', kind: 'counter' } } as const
  const held = { api_calls: 2, tokens: 4_900, cost_usd: '0.042250', audio: 12.5 }
  expect(describeHeld({ held }, own)).toBe('2 API calls, 4,900 tokens, $0.04, 12.5 seconds of Audio')
  expect(describeHeld({ held: {} }, own)).toBe('Only a slot')
})
