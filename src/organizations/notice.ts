import type { ManagementDeps } from '../deps.ts'
import { mailFor } from '../mail/outbox.ts'
import { type OrganizationNotice, organizationNotice } from '../mail/templates/organization.ts'
import { render } from '../mail/templates/render.tsx'
import { selectOwners } from './queries.ts'

interface NoticeData {
  readonly email: string
  readonly name: string | null
}

interface About {
  readonly organization: string
  readonly reason?: string | undefined
  readonly domain?: string
}

/** An email about an organization: `insert` belongs in the batch of its cause; call `send` after the batch. */
export function noticeTo(deps: ManagementDeps, { email, name }: NoticeData, kind: OrganizationNotice, about: About) {
  const service = deps.config.SERVICE_NAME
  return mailFor(deps, render(service, email, organizationNotice(kind, { service, name, ...about })))
}

/** The same to every active owner, except `except`. */
export async function noticesToOwners(
  deps: ManagementDeps,
  organizationId: string,
  kind: OrganizationNotice,
  { except, ...about }: About & { readonly except?: string },
) {
  const owners = await selectOwners(deps.db, organizationId)
  return owners.filter(({ id }) => id !== except).map((owner) => noticeTo(deps, owner, kind, about))
}
