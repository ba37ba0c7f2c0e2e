import { expect, test } from 'vitest'
import guide from '../../../docs/operate/security.md?raw'
import { POLICIES, type Policy } from '../../../src/limits/endpoint-limits.ts'

const SPANS: Readonly<Record<string, number>> = { 'in 10 minutes': 600_000, 'in an hour': 3_600_000 }

/** The rows of the table of limits: `name`, of what, how many. */
const documented = [...guide.matchAll(/^\| `(\w+)` \|[^|]+\| ([\d,]+) (in [^|]+) \|$/gm)].map(
  ([, name = '', limit = '', span = '']) => [name as Policy, Number(limit.replace(',', '')), SPANS[span]] as const,
)

test('the documented limits are those of the table', () => {
  expect(documented.length).toBeGreaterThan(10)
  for (const [name, limit, windowMs] of documented) expect(POLICIES[name], name).toMatchObject({ limit, windowMs })
})

test('while Redis fails, each documented limit is a tenth in each isolate', () => {
  for (const [name] of documented) expect(POLICIES[name].whenRedisFails, name).toBe('tenth')
})

test('so is every limit of what nobody has to be signed in for, or of guessing and of emails to others', () => {
  const guarded = /^(login|register|password|email|sign_in|invitation|portal_redeem|oauth_register|oauth_device)/
  for (const [name, { whenRedisFails }] of Object.entries(POLICIES))
    if (guarded.test(name)) expect(whenRedisFails, name).toBe('tenth')
})
