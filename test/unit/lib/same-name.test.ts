import { describe, expect, test } from 'vitest'
import * as page from '../../../dashboard/src/lib/same-name.ts'
import * as server from '../../../src/lib/same-name.ts'

describe.each([
  ['the page', page.isSameName],
  ['the server', server.isSameName],
])('%s', (_, isSameName) => {
  test.each([
    ['Production', 'Production'],
    ['production ', 'Production'],
    ['Ada\u2019s keys', "Ada's keys"],
    ["Ada's keys", 'Ada\u2019s keys'],
    ['\u201CA\u201D \u2014 b\u2026', '"A" -- b...'],
    ['Two spaces', 'Two  spaces'],
    ['No break', 'No\u00A0break'],
    ['hidden', 'hid\u200Bden\uFEFF'],
    ['ﬁnal', 'FINAL'],
    ['e\u0301t\u00E9', '\u00E9te\u0301'],
    [' ', ' '],
  ])('%j confirms %j', (typed, name) => {
    expect(isSameName(typed, name)).toBe(true)
  })

  test.each([
    ['', 'Production'],
    ['Productio', 'Production'],
    ['a b', 'ab'],
    ['', '\u200B'],
    ['Producti\u00F3n', 'Production'],
  ])('%j does not confirm %j', (typed, name) => {
    expect(isSameName(typed, name)).toBe(false)
  })
})
