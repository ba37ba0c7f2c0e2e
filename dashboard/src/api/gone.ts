import type { OperationName } from './client.ts'
import type { ApiError } from './problem.ts'

type Deletion = Exclude<Extract<OperationName, `DELETE ${string}`>, 'DELETE /auth/sessions'> // of all others: never missing

/** How the server says that what an operation deletes is not there. Another code is about what it belongs to. */
const GONE: Readonly<Record<Deletion, string>> = {
  'DELETE /admin/meters/{slug}': 'meter_not_found',
  'DELETE /admin/organizations/{organization_id}': 'organization_not_found',
  'DELETE /admin/plans/{plan_id}': 'plan_not_found',
  'DELETE /admin/prices/{id}': 'price_not_found',
  'DELETE /admin/routes/{id}': 'route_not_found',
  'DELETE /admin/service-keys/{id}': 'key_not_found',
  'DELETE /admin/users/{id}': 'user_not_found',
  'DELETE /admin/webhooks/{id}': 'webhook_endpoint_not_found',
  'DELETE /auth/api-keys/{id}': 'key_not_found',
  'DELETE /auth/grants/{id}': 'grant_not_found',
  'DELETE /auth/identities/{id}': 'not_found',
  'DELETE /auth/me': 'unauthenticated',
  'DELETE /auth/passkeys/{id}': 'not_found',
  'DELETE /auth/sessions/{id}': 'session_not_found',
  'DELETE /organizations/{organization_id}': 'organization_not_found',
  'DELETE /organizations/{organization_id}/directory': 'directory_not_found',
  'DELETE /organizations/{organization_id}/domains/{id}': 'domain_not_found',
  'DELETE /organizations/{organization_id}/invitations/{id}': 'invitation_not_found',
  'DELETE /organizations/{organization_id}/members/{user_id}': 'member_not_found',
  'DELETE /organizations/{organization_id}/roles/{name}': 'role_not_found',
  'DELETE /organizations/{organization_id}/sso': 'sso_not_found',
  'DELETE /webhook-endpoints/{id}': 'webhook_endpoint_not_found',
}

/** Whether a refusal says that what an operation deletes is gone: the answer to a try before may have been lost. */
export const isGone = (name: OperationName, { code }: ApiError): boolean =>
  (GONE as Record<string, string>)[name] === code
