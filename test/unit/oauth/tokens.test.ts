import { expect, test } from 'vitest'
import { computeEnd, deriveTokens, isAuthentic, parseRefreshToken } from '../../../src/oauth/tokens.ts'
import { isWellFormed } from '../../../src/verification/key-format.ts'

const lineage = { id: '01900000-0000-7000-8000-00000000000a', salt: new Uint8Array(16).fill(7) }
const SECRET_KEY = 'a'.repeat(32)
const DAY = 24 * 3_600_000

test('tokens derive from secret, grant, salt and number, and from each of them', () => {
  const variants = [
    deriveTokens(SECRET_KEY, lineage, 3),
    deriveTokens('b'.repeat(32), lineage, 3),
    deriveTokens(SECRET_KEY, lineage, 4),
    deriveTokens(SECRET_KEY, { ...lineage, salt: new Uint8Array(16) }, 3),
    deriveTokens(SECRET_KEY, { ...lineage, id: '01900000-0000-7000-8000-00000000000b' }, 3),
  ]
  const all = variants.flatMap(({ access, refresh }) => [access, refresh])
  expect(new Set(all).size).toBe(10)
  expect(deriveTokens(SECRET_KEY, lineage, 3)).toEqual(variants[0])
  expect(variants.every(({ access }) => isWellFormed(access) && access.startsWith('oat_live_'))).toBe(true)
})

test('a refresh token names its grant and its number, and proves both', () => {
  const { refresh } = deriveTokens(SECRET_KEY, lineage, 12)
  const token = parseRefreshToken(refresh)
  expect(token).toMatchObject({ grantId: lineage.id, generation: 12 })
  if (!token) throw new Error('not parsed')
  expect(isAuthentic({ SECRET_KEY }, lineage, token)).toBe(true)
  expect(isAuthentic({ SECRET_KEY: 'b'.repeat(32), SECRET_KEYS: ['b'.repeat(32), SECRET_KEY] }, lineage, token)).toBe(
    true,
  )
  expect(isAuthentic({ SECRET_KEY: 'b'.repeat(32) }, lineage, token)).toBe(false)
  expect(isAuthentic({ SECRET_KEY }, lineage, { ...token, generation: 13 })).toBe(false)
  expect(isAuthentic({ SECRET_KEY }, { ...lineage, salt: new Uint8Array(16) }, token)).toBe(false)
})

test.each(['', 'ort_', 'ort_x_0_x', `ort_${'0'.repeat(32)}_01_${'a'.repeat(43)}`, `rt_${'a'.repeat(43)}`])(
  '%j is not a refresh token',
  (text) => {
    expect(parseRefreshToken(text)).toBeUndefined()
  },
)

test('a grant ends 60 days after its last renewal, and a year after its creation', () => {
  expect(computeEnd(0, 0).getTime()).toBe(60 * DAY)
  expect(computeEnd(0, 300 * DAY).getTime()).toBe(360 * DAY)
  expect(computeEnd(0, 310 * DAY).getTime()).toBe(365 * DAY)
})
