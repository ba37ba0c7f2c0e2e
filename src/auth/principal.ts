import type { NamedLimit } from '../db/schema/shapes.ts'
import type { BuiltInRole, Permission, Role } from './roles.ts'

export interface Membership {
  readonly organization_id: string
  readonly role: Role
  /** The permissions of the role. */
  readonly permissions: readonly Permission[]
  readonly is_suspended: boolean
  /** Whether it is the platform organization. */
  readonly is_platform: boolean
  /** Whether only members with a second factor may act for the organization. */
  readonly requires_two_factor: boolean
  /** The single sign-on that members other than owners must use to act for it. */
  readonly required_sso: string | null
}

/** A signed-in user, with current data from the database. */
export interface UserPrincipal {
  readonly kind: 'user'
  readonly userId: string
  readonly sessionId: string
  /** When the presented access token expires, in Unix milliseconds. */
  readonly tokenExpiresAt: number
  /** The organization the session acts for if the request names none. */
  readonly organizationId: string | null
  readonly memberships: readonly Membership[]
  /** An owner or admin of the platform organization. */
  readonly isAdministrator: boolean
  /** When the user last proved their identity, by a sign-in or a passkey, in Unix milliseconds. */
  readonly provedAt: number
  /** Whether the email address is confirmed. */
  readonly isConfirmed: boolean
  /** Whether a second factor is enabled. */
  readonly hasTwoFactor: boolean
  /** The single sign-on that opened the session. */
  readonly ssoConnectionId: string | null
  /** The administrator who acts as this user in a support session; null otherwise. */
  readonly impersonatorId: string | null
}

/** The restrictions of a key. */
export interface KeyBounds {
  readonly environment: 'live' | 'test'
  /** ISO 8601; `null` for no expiry. */
  readonly expiresAt: string | null
  readonly allowedIps: readonly string[] | null
  /** Units per minute. `null` uses the organization's limit. */
  readonly customRateLimit: number | null
  readonly limits: readonly NamedLimit[]
  /** The maximum number of concurrent holds. `null` leaves only the plan's limit. */
  readonly maxConcurrent: number | null
}

/** A program that presented an API key. */
export interface KeyPrincipal {
  readonly kind: 'key'
  readonly keyId: string
  /** The first key of its line of rotations. */
  readonly lineageId: string
  readonly organizationId: string
  readonly scopes: readonly string[]
  /** Its restrictions. A key that it creates, changes or rotates cannot have looser ones (keys/grants.ts). */
  readonly bounds: KeyBounds
}

/** A back end of the operator that presented a service key. It acts for any organization, within its scopes. */
export interface ServicePrincipal {
  readonly kind: 'service'
  /** Null for a Worker that is bound to this one. */
  readonly keyId: string | null
  /** The first key of its line of rotations. */
  readonly lineageId: string
  /** The platform organization. */
  readonly organizationId: string
  readonly scopes: readonly string[]
  /** On whose behalf it acts, in its own words (`Tollgate-Actor`). The audit log contains it. */
  readonly onBehalfOf: string | null
}

/** Who may manage an organization's people and purchases: a user, or a back end of the operator, but no other key. */
export type Manager = UserPrincipal | ServicePrincipal

/** Who may act for the deployment: an administrator, or a back end. */
export type Operator = Manager

/** A user of a trusted issuer, who acts as a member of one organization, without an account or a session here. */
export interface ExternalPrincipal {
  readonly kind: 'external'
  /** Derived from issuer and user. It names the actor in audit rows, and separates the idempotency keys of different users. */
  readonly id: string
  readonly issuer: string
  /** The issuer's id of the user. */
  readonly subject: string
  readonly organizationId: string
  readonly role: BuiltInRole
  readonly isSuspended: boolean
}

/** A customer's user whom an operator's back end gave access to the portal, without an account here. */
export interface PortalPrincipal {
  readonly kind: 'portal'
  readonly sessionId: string
  readonly organizationId: string
  /** The service key that created the session. */
  readonly serviceKeyId: string
  /** Permissions in the organization. */
  readonly scopes: readonly Permission[]
  /** The person, in the back end's own words (`Tollgate-Actor`). */
  readonly onBehalfOf: string | null
}

export type Principal = UserPrincipal | KeyPrincipal | ServicePrincipal | ExternalPrincipal | PortalPrincipal

type Person = UserPrincipal | ExternalPrincipal | PortalPrincipal

/** Identifies a person: by an account here, by another issuer, or for the length of a portal session. */
export function personId(person: Person): string {
  if (person.kind === 'portal') return person.sessionId
  return person.kind === 'user' ? person.userId : person.id
}

/** Identifies a principal of any kind in tables; null for a Worker that is bound to this one. */
export const principalId = (principal: Principal) => ('keyId' in principal ? principal.keyId : personId(principal))
