import { expect, test } from 'vitest'
import { ROLES, type Role } from '../../../../src/auth/roles.ts'
import { findRefusal } from '../../../../src/organizations/members/rules.ts'

const NAMES = Object.keys(ROLES) as Role[]
const TARGETS: (Role | null)[] = [...NAMES, null]

/** Every change that there can be. */
const changes = NAMES.flatMap((actor) =>
  NAMES.flatMap((target) =>
    TARGETS.flatMap((to) => [true, false].map((hasOtherOwner) => ({ actor, target, to, hasOtherOwner }))),
  ),
)

test('who is no member changes nothing, and nobody changes who is none; in this order', () => {
  const standing = { actor: null, target: null, hasOtherOwner: true }
  expect(findRefusal(standing, 'member')).toBe('organization_not_found')
  expect(findRefusal({ ...standing, actor: 'viewer' }, 'member')).toBe('member_not_found')
})

test('members and viewers change nobody', () => {
  for (const { to, ...standing } of changes.filter(({ actor }) => actor === 'member' || actor === 'viewer'))
    expect(findRefusal(standing, to)).toBe('forbidden')
})

test('admins change all but owners, and into all but owners', () => {
  for (const { to, ...standing } of changes.filter(({ actor }) => actor === 'admin')) {
    const isAboutOwners = standing.target === 'owner' || to === 'owner'
    expect(findRefusal(standing, to)).toBe(isAboutOwners ? 'forbidden' : undefined)
  }
})

test('owners change everybody, as long as an owner remains', () => {
  for (const { to, ...standing } of changes.filter(({ actor }) => actor === 'owner')) {
    const isLast = standing.target === 'owner' && to !== 'owner' && !standing.hasOtherOwner
    expect(findRefusal(standing, to)).toBe(isLast ? 'last_owner' : undefined)
  }
})

test('anybody leaves but the last owner', () => {
  for (const role of NAMES) {
    for (const hasOtherOwner of [true, false]) {
      const standing = { actor: role, target: role, hasOtherOwner }
      expect(findRefusal(standing, null, true)).toBe(role === 'owner' && !hasOtherOwner ? 'last_owner' : undefined)
    }
  }
})
