import { expect, test } from 'vitest'
import { BUILT_IN_ROLES } from '../../../../src/auth/roles.ts'
import { findRefusal, type Standing } from '../../../../src/organizations/members/rules.ts'

const BOTH = [true, false]
const ROLES = [...BUILT_IN_ROLES, 'billing', null]

/** Everything that a change can be decided from. */
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

test('reasons are named in the order of what they tell: no member, nobody to change, no such role, not allowed', () => {
  const none = { actor: null, target: null, isRole: false, mayChange: false, hasOtherOwner: false }
  expect(findRefusal(none, 'member')).toBe('organization_not_found')
  expect(findRefusal({ ...none, actor: 'viewer' }, 'member')).toBe('member_not_found')
  expect(findRefusal({ ...none, actor: 'viewer', target: 'owner' }, 'gone')).toBe('role_not_found')
  expect(findRefusal({ ...none, actor: 'viewer', target: 'owner', isRole: true }, 'member')).toBe('forbidden')
  expect(findRefusal({ ...standing, target: 'owner', hasOtherOwner: false }, 'member')).toBe('last_owner')
  expect(findRefusal(standing, 'billing')).toBeUndefined()
})

test('nobody is changed by whoever may not, and none without one gets a role that there is not', () => {
  for (const { to, standing } of changes) {
    const isFine = standing.mayChange && standing.isRole && standing.target !== null
    if (!isFine) expect(findRefusal(standing, to)).toBeDefined()
  }
})

test('an owner remains, whoever changes whom, also when owners leave by themselves', () => {
  for (const { to, standing } of changes) {
    if (standing.target !== 'owner' || to === 'owner' || standing.hasOtherOwner) continue
    expect(findRefusal(standing, to)).toBeDefined()
    expect(findRefusal(standing, to, true)).toBeDefined()
  }
})

test('anybody leaves but the last owner', () => {
  for (const role of [...BUILT_IN_ROLES, 'billing']) {
    for (const hasOtherOwner of BOTH) {
      const leaving = { actor: role, target: role, isRole: true, mayChange: false, hasOtherOwner }
      expect(findRefusal(leaving, null, true)).toBe(role === 'owner' && !hasOtherOwner ? 'last_owner' : undefined)
    }
  }
})
