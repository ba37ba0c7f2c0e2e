import { expect, test } from 'vitest'
import { isReserved } from '../../src/keys/rules.ts'
import { type Permission, permissionOf, ROLES, type Role, roleMay, scopeFor } from '../../src/organizations/roles.ts'

const ASCENDING: readonly Role[] = ['viewer', 'member', 'admin', 'owner']
const PERMISSIONS: readonly Permission[] = ROLES.owner

test('there are four roles, and each may do all that the one below it may', () => {
  expect(Object.keys(ROLES)).toEqual(ASCENDING)
  for (const [at, role] of ASCENDING.entries()) {
    const below = ASCENDING.slice(0, at)
    for (const lower of below)
      expect(PERMISSIONS.filter((one) => roleMay(lower, one) && !roleMay(role, one))).toEqual([])
  }
})

test('an owner may do everything that there is', () => {
  const all = new Set(ASCENDING.flatMap((role): readonly Permission[] => ROLES[role]))
  expect(new Set(PERMISSIONS)).toEqual(all)
})

test.each([
  ['viewer', 'keys:read', true],
  ['viewer', 'usage:read', true],
  ['viewer', 'keys:write', false],
  ['member', 'keys:write', true],
  ['admin', 'keys:write', true],
  ['owner', 'keys:write', true],
] as const)('a %s and %s: %s', (role, permission, may) => {
  expect(roleMay(role, permission)).toBe(may)
})

test('a viewer changes nothing', () => {
  expect(ROLES.viewer.filter((permission) => !permission.endsWith(':read'))).toEqual([])
})

test('a key has a permission only by a scope of that name, which no wildcard covers; usage it may always see', () => {
  for (const permission of PERMISSIONS) {
    const scope = scopeFor(permission)
    if (permission === 'usage:read') expect(scope).toBeUndefined()
    else expect([scope, isReserved(scope ?? '')]).toEqual([`tollgate:${permission}`, true])
  }
})

test('a scope stands for the permission it was made from, and any other for none', () => {
  for (const permission of PERMISSIONS) expect(permissionOf(`tollgate:${permission}`)).toBe(permission)
  const others = [
    '',
    'keys:write',
    'tollgate:',
    'tollgate:*',
    'tollgate:keys:*',
    'tollgate:keys',
    'platform:keys:write',
  ]
  expect(others.filter((scope) => permissionOf(scope))).toEqual([])
})
