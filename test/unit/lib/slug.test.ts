import { expect, test } from 'vitest'
import { slugFor } from '../../../src/lib/slug.ts'

test.each([
  ['Ada Lovelace', /^ada-lovelace-[a-z0-9]{7}$/],
  ['  --Ünder & Söhne!  ', /^under-sohne-[a-z0-9]{7}$/],
  ['Éclair', /^eclair-[a-z0-9]{7}$/],
  ['Straße Łódź Ørsted', /^strasse-lodz-orsted-[a-z0-9]{7}$/],
  ['東京', /^org-[a-z0-9]{7}$/],
  ['', /^org-[a-z0-9]{7}$/],
  ['a'.repeat(200), /^a{32}-[a-z0-9]{7}$/],
  [`${'a'.repeat(31)} b`, /^a{31}-[a-z0-9]{7}$/],
])('%j becomes a slug', (name, expected) => {
  expect(slugFor(name)).toMatch(expected)
})

test('the same name gives a different slug each time', () => {
  expect(new Set(Array.from({ length: 100 }, () => slugFor('Same'))).size).toBe(100)
})
