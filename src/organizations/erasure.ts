import { sql } from 'drizzle-orm'
import { anonymizeEvents } from '../db/usage-erasure.ts'
import type { ManagementDeps } from '../deps.ts'
import { published } from '../events/publish.ts'
import { organizationEvent } from '../events/subjects.ts'
import { deleteMemberships, deleteOrganization, isPaidFor, leaveSessions } from './queries.ts'

/** Whether no subscription of an organization is charged, for a batch that deletes it. */
export const isUnpaid = (organizationId: string) => sql`not ${isPaidFor(organizationId)}`

/** The steps of a batch that delete an organization with everything in it. The audit log and usage totals stay. */
export const erasureSteps = (deps: ManagementDeps, organizationId: string) => ({
  event: published(deps, organizationEvent('organization.deleted', organizationId)), // first, because it reads the name
  memberships: deleteMemberships(deps.db, organizationId),
  sessions: leaveSessions(deps.db, organizationId),
  usage: anonymizeEvents(deps.db, sql`(${organizationId}::uuid)`, new Date(deps.now())),
  organization: deleteOrganization(deps.db, organizationId),
})
