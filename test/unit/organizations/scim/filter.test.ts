import { describe, expect, test } from 'vitest'
import { matches, parseFilter, parsePath } from '../../../../src/organizations/scim/filter.ts'

const PERSON = { userName: 'bjensen', title: 'Boss', userType: 'Employee', loginCount: 3, isNew: true }

describe('a filter', () => {
  test.each([
    ['userName eq "BJensen"', true],
    ['USERNAME Eq "bjensen"', true],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "bj"', true],
    ['userName ne "bjensen"', false],
    ['userName co "jens" and userName ew "sen"', true],
    ['title pr and userType eq "Employee"', true],
    ['title pr or userType eq "Intern"', true],
    ['nickName pr', false],
    ['nickName eq null', true],
    ['userType ne "Employee" and not (title co "x" or title co "y")', false],
    ['userType eq "Employee" and (title co "x" or title co "Boss")', true],
    ['userName eq "x" or userName eq "bjensen" and title eq "Boss"', true],
    ['(userName eq "x" or userName eq "bjensen") and title eq "Chief"', false],
    ['not (userName eq "x" or (title eq "y" and not (title pr)))', true],
    ['isNew eq true', true],
    ['loginCount eq 3', true],
    ['userName gt "a" and userName lt "c" and userName ge "bjensen" and userName le "bjensen"', true],
    [String.raw`title eq "\"Boss\""`, false],
  ])('%s: %s', (filter, isMatch) => {
    expect(matches(parseFilter(filter), PERSON)).toBe(isMatch)
  })

  test.each([
    '',
    'bogus',
    'userName eq',
    'userName eq bjensen',
    "userName eq 'bjensen'",
    'userName is "x"',
    '(userName eq "x"',
    'userName eq "x")',
    'not userName eq "x"',
    'emails[type eq "work"',
    'userName eq "x" userName',
    'userName eq "x',
    'a.b.c eq "x"',
    `${'('.repeat(21)}a pr${')'.repeat(21)}`,
    `a eq "${'x'.repeat(2_000)}"`,
  ])('is refused if malformed: %s', (filter) => {
    expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ status: 400, scimType: 'invalidFilter' }))
  })
})

describe('a path', () => {
  test.each([
    ['userName', { attribute: 'username' }],
    ['name.familyName', { attribute: 'name', sub: 'familyname' }],
    ['urn:ietf:params:scim:schemas:core:2.0:User:name.familyName', { attribute: 'name', sub: 'familyname' }],
    ['emails[type eq "work"]', { attribute: 'emails', filter: { op: 'eq', path: 'type', value: 'work' } }],
    [
      'emails[type eq "work"].value',
      { attribute: 'emails', filter: { op: 'eq', path: 'type', value: 'work' }, sub: 'value' },
    ],
  ])('%s', (path, parsed) => {
    expect(parsePath(path)).toEqual({ filter: undefined, sub: undefined, ...parsed })
  })

  test.each(['', 'a b', 'emails[type eq "work"]value', 'emails[]', 'emails[type eq "work"].a.b', 'a.b[c pr]', '"x"'])(
    'is refused if malformed: %s',
    (path) => {
      expect(() => parsePath(path)).toThrow(expect.objectContaining({ status: 400 }))
    },
  )
})
