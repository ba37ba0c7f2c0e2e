import { expect, test } from 'vitest'
import { BUILT_IN_ROLES } from '../../../../src/auth/roles.ts'
import { findRefusal, type Standing } from '../../../../src/organizations/members/rules.ts'

const BOTH = [true, false]
const ROLES = [...BUILT_IN_ROLES, 'billing', null]

/** All facts from which a change can be decided. */
const changes = ROLES.flatMap((target) =>
  ROLES.flatMap((to) =>
    BOTH.flatMap((mayChange) =>
      BOTH.flatMap((isRole) =>
        BOTH.map((hasOtherOwner) => ({ to, standing: { actor: 'admin', target, isRole, mayChange, hasOtherOwner } })),
      ),
    ),
  ),
)

const standing: Standing = { actor: 'admin', target: 'member', isRole: true, mayChange: true, hasOtherOwner: true }

test('reasons are checked in order of what they reveal: not a member, unknown target, unknown role, not allowed', () => {
  const none = { actor: null, target: null, isRole: false, mayChange: false, hasOtherOwner: false }
  expect(findRefusal(none, 'member')).toBe('organization_not_found')
  expect(findRefusal({ ...none, actor: 'viewer' }, 'member')).toBe('member_not_found')
  expect(findRefusal({ ...none, actor: 'viewer', target: 'owner' }, 'gone')).toBe('role_not_found')
  expect(findRefusal({ ...none, actor: 'viewer', target: 'owner', isRole: true }, 'member')).toBe('forbidden')
  expect(findRefusal({ ...standing, target: 'owner', hasOtherOwner: false }, 'member')).toBe('last_owner')
  expect(findRefusal(standing, 'billing')).toBeUndefined()
})

test('a caller without the right changes nobody, and nobody gets an unknown role', () => {
  for (const { to, standing } of changes) {
    const isFine = standing.mayChange && standing.isRole && standing.target !== null
    if (!isFine) expect(findRefusal(standing, to)).toBeDefined()
  }
})

test('one owner remains, whoever changes whom, even if owners leave by themselves', () => {
  for (const { to, standing } of changes) {
    if (standing.target !== 'owner' || to === 'owner' || standing.hasOtherOwner) continue
    expect(findRefusal(standing, to)).toBeDefined()
    expect(findRefusal(standing, to, true)).toBeDefined()
  }
})

test('anybody can leave but the last owner', () => {
  for (const role of [...BUILT_IN_ROLES, 'billing']) {
    for (const hasOtherOwner of BOTH) {
      const leaving = { actor: role, target: role, isRole: true, mayChange: false, hasOtherOwner }
      expect(findRefusal(leaving, null, true)).toBe(role === 'owner' && !hasOtherOwner ? 'last_owner' : undefined)
    }
  }
})
