import { withProof } from '../../accounts/passwords/reauthenticate.ts'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { stepUp } from '../../api/reauthentication.ts'
import { readCredential } from '../../http/credentials.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { toInvitation } from '../invitation.ts'
import {
  Acceptance,
  Accepted,
  Invitation,
  InvitationList,
  InvitationParams,
  InvitationQuery,
  NewInvitation,
  OrganizationParams,
} from '../schemas.ts'
import { accept } from './accept.ts'
import { cancelInvitation, invite, resendInvitation } from './invite.ts'
import { listInvitations } from './queries.ts'

const tag = 'Organizations'
const path = '/organizations/{organization_id}/invitations'

const inviteRoute = apiRoute({
  allow: 'members:write',
  method: 'post',
  path,
  tag,
  operationId: 'createInvitation',
  summary: 'Invite somebody by email',
  description:
    'The link in the email works once, for 7 days, and needs no account. It replaces an earlier invitation to the same address. Only owners can invite owners.',
  params: OrganizationParams,
  body: NewInvitation,
  creates: true,
  credentials: true,
  returns: { 201: Invitation },
  fails: [
    ...stepUp,
    'organization_not_found',
    'role_not_found',
    'already_member',
    'seat_limit_reached',
    'two_factor_required',
  ],
})

const listRoute = apiRoute({
  allow: 'members:write',
  method: 'get',
  path,
  tag,
  operationId: 'listInvitations',
  summary: 'List invitations',
  description: 'Newest first. Closed invitations are deleted after a few weeks.',
  params: OrganizationParams,
  query: InvitationQuery,
  returns: { 200: InvitationList },
  fails: ['organization_not_found'],
})

const one = { allow: 'members:write', tag, params: InvitationParams, credentials: true } as const

const revokeRoute = apiRoute({
  ...one,
  method: 'delete',
  path: `${path}/{id}`,
  operationId: 'revokeInvitation',
  summary: 'Revoke an invitation',
  returns: { 204: null },
  fails: ['organization_not_found', 'invitation_not_found'],
})

const resendRoute = apiRoute({
  ...one,
  method: 'post',
  path: `${path}/{id}/resend`,
  operationId: 'resendInvitation',
  summary: 'Send an invitation again',
  description: 'Sends a new link, valid for another 7 days, even if the old one expired. The old link stops working.',
  creates: true,
  returns: { 200: Invitation },
  fails: [
    'organization_not_found',
    'role_not_found',
    'invitation_not_found',
    'already_member',
    'seat_limit_reached',
    'two_factor_required',
    'rate_limited',
  ],
})

const acceptRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/organizations/invitations/accept',
  tag,
  operationId: 'acceptInvitation',
  summary: 'Accept an invitation',
  description:
    "Requires an access token of the account with the invited address; or that account's password; or, if the address has no account, a password for a new one. The address counts as confirmed. It does not sign in, and does not change the organization of a session.",
  body: Acceptance,
  returns: { 200: Accepted },
  fails: [
    'invalid_token',
    'unauthenticated',
    'ambiguous_credentials',
    'credentials_in_url',
    'user_only',
    'forbidden_while_impersonating',
    'invitation_for_other',
    'registration_domain_not_allowed',
    'wrong_password',
    'account_exists',
    'already_member',
    'seat_limit_reached',
    'rate_limited',
  ],
})

export const invitationRoutes = newRouter()
  .openapi(inviteRoute, async (c) => {
    const { email, role, ...proof } = c.req.valid('json')
    const manager = await withProof(c.var.deps, c.var.manager, proof)
    return c.json(toInvitation(await invite(c.var.deps, manager, c.var.organizationId, { email, role })), 201)
  })
  .openapi(listRoute, async (c) => {
    const { deps, organizationId } = c.var
    const { limit, cursor, status } = c.req.valid('query')
    const now = new Date(deps.now())
    const rows = await listInvitations(deps.db, organizationId, { status, limit, after: pageEnd(cursor), now })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toInvitation), next_cursor }, 200)
  })
  .openapi(revokeRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    await cancelInvitation(deps, manager, { organizationId, id: c.req.valid('param').id })
    return c.body(null, 204)
  })
  .openapi(resendRoute, async (c) => {
    const { deps, manager, organizationId } = c.var
    return c.json(
      toInvitation(await resendInvitation(deps, manager, { organizationId, id: c.req.valid('param').id })),
      200,
    )
  })
  .openapi(acceptRoute, async (c) =>
    c.json(await accept(c.var.deps, c.req.valid('json'), readCredential(c.req.raw)), 200),
  )
