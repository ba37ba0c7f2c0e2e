import { describe, expect, test } from 'vitest'
import { findUnmet, requireAdministrator } from '../../../src/auth/organization-access.ts'
import type { Membership, UserPrincipal } from '../../../src/auth/principal.ts'
import { ROLES } from '../../../src/auth/roles.ts'
import type { Config } from '../../../src/config.ts'

const ORGANIZATION = '01900000-0000-7000-8000-000000000001'
const SSO = '01900000-0000-7000-8000-00000000000a'

const memberOf = (more: Partial<Membership>): Membership => ({
  organization_id: ORGANIZATION,
  role: 'admin',
  permissions: ROLES.admin,
  is_suspended: false,
  is_platform: false,
  requires_two_factor: false,
  required_sso: null,
  ...more,
})

const user = (membership: Partial<Membership>, more: Partial<UserPrincipal> = {}): UserPrincipal => ({
  kind: 'user',
  userId: 'u',
  sessionId: 's',
  tokenExpiresAt: 0,
  organizationId: ORGANIZATION,
  memberships: [memberOf(membership)],
  isAdministrator: false,
  provedAt: 0,
  isConfirmed: true,
  hasTwoFactor: false,
  ssoConnectionId: null,
  impersonatorId: null,
  ...more,
})

describe('what a member lacks', () => {
  test.each([
    ['nothing, where nothing is required', user({}), undefined],
    ['a second factor', user({ requires_two_factor: true }), 'two_factor'],
    ['nothing, with a second factor', user({ requires_two_factor: true }, { hasTwoFactor: true }), undefined],
    ['the single sign-on', user({ required_sso: SSO }), 'single_sign_on'],
    [
      'the single sign-on, in a session of another one',
      user({ required_sso: SSO }, { ssoConnectionId: 'x' }),
      'single_sign_on',
    ],
    ['nothing, in a session of the single sign-on', user({ required_sso: SSO }, { ssoConnectionId: SSO }), undefined],
    ['nothing, as an owner without the single sign-on', user({ required_sso: SSO, role: 'owner' }), undefined],
    ['a second factor, as an owner', user({ requires_two_factor: true, role: 'owner' }), 'two_factor'],
    ['nothing, in a support session', user({ required_sso: SSO }, { impersonatorId: 'a' }), undefined],
    ['the single sign-on first', user({ required_sso: SSO, requires_two_factor: true }), 'single_sign_on'],
  ])('is %s', (_, principal, unmet) => {
    expect(findUnmet(principal, ORGANIZATION)).toBe(unmet)
  })

  test('is nothing in an organization that they do not belong to', () => {
    expect(findUnmet(user({ requires_two_factor: true }), SSO)).toBeUndefined()
    expect(findUnmet(user({ requires_two_factor: true }), null)).toBeUndefined()
  })
})

describe('an administrator', () => {
  const config = { ADMIN_REQUIRES_TWO_FACTOR: false } as Config
  const code = (principal: UserPrincipal) => {
    try {
      requireAdministrator(config, principal)
    } catch (error) {
      return (error as { code: string }).code
    }
    return 'in'
  }

  test('must meet what the platform organization requires, and not what others do', () => {
    const administrator = { isAdministrator: true }
    expect(code(user({ is_platform: true }, administrator))).toBe('in')
    expect(code(user({ is_platform: true, requires_two_factor: true }, administrator))).toBe('two_factor_required')
    expect(code(user({ is_platform: true, required_sso: SSO }, administrator))).toBe('single_sign_on_required')
    expect(code(user({ requires_two_factor: true }, administrator))).toBe('in')
    expect(code(user({ is_platform: true, requires_two_factor: true }))).toBe('not_found')
  })
})
