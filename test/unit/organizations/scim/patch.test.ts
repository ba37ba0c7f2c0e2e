import { describe, expect, test } from 'vitest'
import { applyPatch, PATCH_SCHEMA } from '../../../../src/organizations/scim/patch.ts'

const ATTRIBUTES = [
  { name: 'id', isReadOnly: true },
  { name: 'userName', isRequired: true },
  { name: 'displayName' },
  { name: 'active' },
  { name: 'name', parts: ['familyName', 'givenName'] },
  { name: 'emails', isList: true, parts: ['value', 'type', 'primary'] },
  { name: 'members', isList: true, parts: ['value', 'display'] },
]
const WORK = { value: 'a@work.com', type: 'work', primary: true }
const HOME = { value: 'a@home.com', type: 'home' }
const BEFORE = {
  id: '1',
  userName: 'ada',
  displayName: 'Ada',
  active: true,
  name: { familyName: 'Lovelace', givenName: 'Ada' },
  emails: [WORK, HOME],
  members: [{ value: 'x' }, { value: 'y' }],
}

const patch = (...Operations: unknown[]) => applyPatch(BEFORE, { schemas: [PATCH_SCHEMA], Operations }, ATTRIBUTES)
const refusal = (status: number, scimType: string) => expect.objectContaining({ status, scimType })

test('a patch that scans long lists repeatedly is refused before it takes seconds', () => {
  const many = Array.from({ length: 8_000 }, (_, at) => ({ value: String(at) }))
  const again = Array.from({ length: 999 }, () => ({ op: 'replace', path: 'members[value pr].display', value: 'x' }))
  expect(() => patch({ op: 'add', path: 'members', value: many }, ...again)).toThrow(refusal(400, 'tooMany'))
  // one at a time, as Entra removes members
  const each = many.slice(0, 200).map(({ value }) => ({ op: 'remove', path: `members[value eq "${value}"]` }))
  expect(patch({ op: 'replace', path: 'members', value: many }, ...each).members).toHaveLength(7_800)
})

describe('RFC 7644 §3.5.2', () => {
  test.each<[string, object, object]>([
    [
      'add without a path merges',
      { op: 'add', value: { displayName: 'Countess', emails: [{ value: 'n@x.com' }] } },
      { displayName: 'Countess', emails: [WORK, HOME, { value: 'n@x.com' }] },
    ],
    ['add sets a single value', { op: 'add', path: 'displayName', value: 'Countess' }, { displayName: 'Countess' }],
    [
      'add appends members once',
      { op: 'add', path: 'members', value: [{ value: 'y' }, { value: 'z', $ref: null }] },
      { members: [{ value: 'x' }, { value: 'y' }, { value: 'z' }] },
    ],
    [
      'add merges the parts of a value',
      { op: 'add', path: 'name', value: { givenName: 'A.' } },
      { name: { familyName: 'Lovelace', givenName: 'A.' } },
    ],
    [
      'a new primary takes the place of the former',
      { op: 'add', path: 'emails', value: { value: 'n@x.com', primary: true } },
      { emails: [{ ...WORK, primary: false }, HOME, { value: 'n@x.com', primary: true }] },
    ],
    [
      'of several that are added as primary, the last one is',
      {
        op: 'add',
        path: 'emails',
        value: [
          { value: 'n@x.com', primary: true },
          { value: 'o@x.com', primary: true },
        ],
      },
      {
        emails: [
          { ...WORK, primary: false },
          HOME,
          { value: 'n@x.com', primary: false },
          { value: 'o@x.com', primary: true },
        ],
      },
    ],
    ['remove takes a value out', { op: 'remove', path: 'displayName' }, { displayName: undefined }],
    ['remove takes a part out', { op: 'remove', path: 'name.givenName' }, { name: { familyName: 'Lovelace' } }],
    ['remove takes all elements out', { op: 'remove', path: 'members' }, { members: [] }],
    [
      'remove takes those out that a filter selects',
      { op: 'remove', path: 'members[value eq "x"]' },
      { members: [{ value: 'y' }] },
    ],
    ['remove by a filter that selects none changes nothing', { op: 'remove', path: 'emails[type eq "other"]' }, {}],
    [
      'replace of a list replaces all of it',
      { op: 'replace', path: 'members', value: [{ value: 'z' }] },
      { members: [{ value: 'z' }] },
    ],
    [
      'replace without a path replaces what it names',
      { op: 'replace', value: { emails: [HOME], active: false } },
      { emails: [HOME], active: false },
    ],
    [
      'replace of selected elements',
      { op: 'replace', path: 'emails[type eq "work"]', value: { value: 'b@work.com' } },
      { emails: [HOME, { ...WORK, value: 'b@work.com' }] },
    ],
    [
      'replace of a part of selected elements',
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'b@work.com' },
      { emails: [HOME, { ...WORK, value: 'b@work.com' }] },
    ],
    [
      'replace of a part',
      { op: 'replace', path: 'name.familyName', value: 'Byron' },
      { name: { familyName: 'Byron', givenName: 'Ada' } },
    ],
    ['null removes', { op: 'replace', path: 'displayName', value: null }, { displayName: undefined }],
  ])('%s', (_, operation, after) => {
    expect(patch(operation)).toEqual({ ...BEFORE, ...after })
  })

  test('operations are applied in order', () => {
    const after = patch(
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: [{ value: 'z' }] },
      { op: 'replace', path: 'displayName', value: 'B' },
    )
    expect(after).toEqual({ ...BEFORE, members: [{ value: 'z' }], displayName: 'B' })
    expect(BEFORE.members).toHaveLength(2)
  })

  test.each<[string, unknown, string]>([
    ['no operation', undefined, 'invalidSyntax'],
    ['a path that is no attribute', { op: 'replace', path: 'actve', value: false }, 'invalidPath'],
    ['a part that does not exist', { op: 'replace', path: 'name.famliyName', value: 'x' }, 'invalidPath'],
    ['a filter by no part', { op: 'remove', path: 'emails[typ eq "work"]' }, 'invalidPath'],
    ['a misspelt attribute without a path', { op: 'replace', value: { actve: false } }, 'invalidPath'],
    ['a misspelt member', { op: 'replace', path: 'active', valeu: false }, 'invalidSyntax'],
    ['a misspelt part of an element', { op: 'remove', path: 'members', value: [{ valeu: 'x' }] }, 'invalidSyntax'],
    ['an unknown operation', { op: 'move', path: 'displayName' }, 'invalidSyntax'],
    ['remove without a path', { op: 'remove' }, 'noTarget'],
    ['add without a value', { op: 'add', path: 'displayName' }, 'invalidValue'],
    ['a path that is no path', { op: 'add', path: 'a b', value: 1 }, 'invalidPath'],
    ['a filter on what is no list', { op: 'replace', path: 'name[givenName eq "Ada"]', value: {} }, 'invalidPath'],
    [
      'replace of what a filter does not find',
      { op: 'replace', path: 'emails[type eq "other"].value', value: 'x' },
      'noTarget',
    ],
    ['what is read only', { op: 'replace', path: 'id', value: '2' }, 'mutability'],
    ['removal of what is required', { op: 'remove', path: 'userName' }, 'mutability'],
  ])('%s is refused', (_, operation, scimType) => {
    expect(() => patch(...(operation === undefined ? [] : [operation]))).toThrow(refusal(400, scimType))
  })
})

describe('extensions that directories send', () => {
  test.each<[string, object, object]>([
    ['capital letters', { op: 'Replace', path: 'DisplayName', value: 'B' }, { displayName: 'B' }],
    [
      'names with a dot, or a schema',
      {
        op: 'Replace',
        value: { 'name.givenName': 'B', 'urn:ietf:params:scim:schemas:core:2.0:User:displayName': 'C' },
      },
      { name: { familyName: 'Lovelace', givenName: 'B' }, displayName: 'C' },
    ],
    [
      'members to remove as a value',
      { op: 'Remove', path: 'members', value: [{ value: 'x' }] },
      { members: [{ value: 'y' }] },
    ],
    [
      'an element to add by its filter',
      { op: 'Add', path: 'emails[type eq "other"].value', value: 'o@x.com' },
      { emails: [WORK, HOME, { type: 'other', value: 'o@x.com' }] },
    ],
    ['an id along with a change', { op: 'replace', value: { id: '1', displayName: 'B' } }, { displayName: 'B' }],
    [
      'attributes that are not kept',
      { op: 'Add', path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', value: 'x' },
      {},
    ],
    ['parts that are not kept', { op: 'Replace', path: 'phoneNumbers[type eq "mobile"].value', value: '1' }, {}],
    ['title', { op: 'Add', path: 'title', value: 'Boss' }, {}],
  ])('%s', (_, operation, after) => {
    expect(patch(operation)).toEqual({ ...BEFORE, ...after })
  })
})

test('members of the message are read in any letters (RFC 7643 §2.1)', () => {
  expect(patch({ OP: 'Replace', Path: 'active', Value: false }).active).toBe(false)
  expect(patch({ op: 'remove', path: 'members', value: [{ Value: 'x' }] }).members).toEqual([{ value: 'y' }])
  const Operations = [{ op: 'replace', path: 'active', value: false }]
  expect(applyPatch(BEFORE, { Schemas: [PATCH_SCHEMA], operations: Operations }, ATTRIBUTES).active).toBe(false)
})
