import { expect, test } from 'vitest'
import {
  type BuiltInRole,
  isForKeys,
  type Permission,
  parsePermission,
  ROLES,
  roleMay,
  rolesWith,
  scopeFor,
} from '../../../src/auth/roles.ts'
import { isReserved } from '../../../src/verification/rules.ts'

const ASCENDING: readonly BuiltInRole[] = ['viewer', 'member', 'admin', 'owner']
const PERMISSIONS: readonly Permission[] = ROLES.owner

test('there are four roles, and each may do everything that the one below it may', () => {
  expect(Object.keys(ROLES)).toEqual(ASCENDING)
  for (const [at, role] of ASCENDING.entries()) {
    const below = ASCENDING.slice(0, at)
    for (const lower of below)
      expect(PERMISSIONS.filter((one) => roleMay(lower, one) && !roleMay(role, one))).toEqual([])
  }
})

test('an owner may do everything', () => {
  const all = new Set(ASCENDING.flatMap((role): readonly Permission[] => ROLES[role]))
  expect(new Set(PERMISSIONS)).toEqual(all)
})

test.each([
  ['viewer', 'keys:read', true],
  ['viewer', 'usage:read', true],
  ['viewer', 'usage:events', false],
  ['member', 'usage:events', true],
  ['viewer', 'keys:write', false],
  ['member', 'keys:write', true],
  ['admin', 'keys:write', true],
  ['owner', 'keys:write', true],
  ['viewer', 'members:read', true],
  ['member', 'members:write', false],
  ['admin', 'members:write', true],
  ['admin', 'owners:write', false],
  ['owner', 'owners:write', true],
  ['admin', 'organization:delete', false],
  ['owner', 'organization:delete', true],
] as const)('a %s and %s: %s', (role, permission, may) => {
  expect(roleMay(role, permission)).toBe(may)
})

test('a viewer changes nothing', () => {
  expect(ROLES.viewer.filter((permission) => !permission.endsWith(':read'))).toEqual([])
})

test('a key has a permission only by a scope of that name, which no wildcard covers; it may always read usage', () => {
  for (const permission of PERMISSIONS) {
    const scope = scopeFor(permission)
    if (permission === 'usage:read' || !isForKeys(permission)) expect(scope).toBeUndefined()
    else expect([scope, isReserved(scope ?? '')]).toEqual([`tollgate:${permission}`, true])
  }
})

test('a scope grants the permission it was made from, and any other grants none', () => {
  for (const permission of PERMISSIONS) {
    const expected = scopeFor(permission) ? permission : undefined
    expect(parsePermission(`tollgate:${permission}`)).toBe(expected)
  }
  const others = [
    '',
    'keys:write',
    'tollgate:',
    'tollgate:*',
    'tollgate:keys:*',
    'tollgate:keys',
    'platform:keys:write',
  ]
  expect(others.filter((scope) => parsePermission(scope))).toEqual([])
})

test('no key may change the members of an organization, its fate or its purchases', () => {
  const forPeople = PERMISSIONS.filter((permission) =>
    /^(organization|members|owners):|^billing:write$/.test(permission),
  )
  expect(forPeople).toHaveLength(7)
  expect(PERMISSIONS.filter((permission) => !isForKeys(permission)).toSorted()).toEqual(forPeople.toSorted())
})

test('the roles with a permission are listed from the lowest', () => {
  expect(rolesWith('organization:read')).toEqual(ASCENDING)
  expect(rolesWith('members:write')).toEqual(['admin', 'owner'])
  expect(rolesWith('owners:write')).toEqual(['owner'])
})
