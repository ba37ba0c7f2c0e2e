import type { Context } from 'hono'
import * as z from 'zod'
import { holds, isOrganization } from '../db/conditions.ts'
import { type Database, ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { fieldErrors } from '../field-errors.ts'
import { EXTERNAL_ID_PREFIX, externalId } from '../http/fields.ts'
import { Problem } from '../problems.ts'
import type { ManagementEnv } from './env.ts'
import type { Principal } from './principal.ts'
import { findOrganizationId } from './queries.ts'

/** The query fields in which a route lets a request name an organization. */
export interface NamingFields {
  readonly organization_id: boolean
  readonly external_id: boolean
}

/** The fields in which a body or an input names an organization. */
interface OrganizationNames {
  readonly organization_id?: string | undefined
  readonly external_id?: string | undefined
}

/** The fields in which one part of a request names an organization, as sent. */
interface Names {
  readonly where: 'path' | 'query' | 'body'
  readonly organizationId?: unknown
  readonly externalId?: unknown
}

/**
 * The organization that a request names in its path, its query or its body: by Tollgate's id, by the operator's own, or
 * by both.
 *
 * @param inQuery the query fields that the route declares; others are refused later as unknown
 * @returns the id, which may belong to no organization; `undefined` if the request names none
 * @throws Problem as {@link resolveOrganization}; customers do not learn that two ids belong to different organizations,
 *   because that would reveal that both exist
 */
export async function namedOrganization(c: Context<ManagementEnv>, inQuery: NamingFields): Promise<string | undefined> {
  const { db } = c.var.deps
  const [path, query, body] = [fromPath(c), fromQuery(c, inQuery), await fromBody(c)]
  if ([query, body].some(isMalformed)) return mayActForAny(c.var.principal) ? NO_ORGANIZATION_ID : undefined
  try {
    return (
      (await resolveOrganization(db, path)) ??
      (await resolveOrganization(db, query)) ??
      (await resolveOrganization(db, body))
    )
  } catch (error) {
    const isMismatch = error instanceof Problem && error.code === 'organization_mismatch'
    throw isMismatch && !mayActForAny(c.var.principal) ? new Problem('organization_not_found') : error
  }
}

/** An id that belongs to no organization. The schema refuses malformed ids, and names every wrong field. */
const NO_ORGANIZATION_ID = '00000000-0000-0000-0000-000000000000'

const isMalformed = ({ externalId: value }: Names) =>
  value !== undefined && value !== null && !externalId.safeParse(value).success

const mayActForAny = (principal: Principal) =>
  principal.kind === 'service' || (principal.kind === 'user' && principal.isAdministrator)

/** The same for routes of administrators. Their bodies may contain other organizations' ids for other reasons. */
export async function organizationInAddress(c: Context<ManagementEnv>, inQuery: NamingFields) {
  const { db } = c.var.deps
  const query = fromQuery(c, inQuery)
  return (
    (await resolveOrganization(db, fromPath(c))) ??
    (isMalformed(query) ? NO_ORGANIZATION_ID : resolveOrganization(db, query))
  )
}

/**
 * @returns the id of the organization that these fields name; `undefined` when they name none
 * @throws Problem `organization_not_found` for an unknown `external_id`; `organization_mismatch` when both fields name
 *   different organizations; `invalid_request` for a malformed `external_id`
 */
export async function resolveOrganization(db: Database, names: Names): Promise<string | undefined> {
  const id = typeof names.organizationId === 'string' ? names.organizationId.toLowerCase() : undefined
  if (names.externalId === undefined || names.externalId === null) return id
  const found = await findOrganizationId(db, parseExternalId(names))
  if (!found) throw new Problem('organization_not_found')
  if (id !== undefined && id !== found) throw new Problem('organization_mismatch')
  return found
}

/** The same if a request must name one. @throws Problem as {@link resolveOrganization}, and `organization_unnamed` */
export async function requireNamed(
  { sql }: Pick<Deps, 'sql'>,
  { organization_id: organizationId, external_id: externalId }: OrganizationNames,
): Promise<string> {
  const found = await resolveOrganization(ormOver(sql), { where: 'body', organizationId, externalId })
  if (found === undefined) throw new Problem('organization_unnamed')
  return found
}

/** Leaves ids that are not UUIDs to the schema, which names the field. @throws Problem `organization_not_found` */
export async function requireOrganization(db: Database, organizationId: string): Promise<void> {
  const isId = organizationId !== NO_ORGANIZATION_ID && z.uuid().safeParse(organizationId).success
  if (isId && !(await holds(db, isOrganization(organizationId)))) throw new Problem('organization_not_found')
}

function fromPath(c: Context<ManagementEnv>): Names {
  const segment = c.req.param('organization_id')
  if (!segment?.startsWith(EXTERNAL_ID_PREFIX)) return { where: 'path', organizationId: segment }
  return { where: 'path', externalId: segment.slice(EXTERNAL_ID_PREFIX.length) }
}

const fromQuery = (c: Context<ManagementEnv>, inQuery: NamingFields): Names => ({
  where: 'query',
  organizationId: inQuery.organization_id ? c.req.query('organization_id') : undefined,
  externalId: inQuery.external_id ? c.req.query('external_id') : undefined,
})

async function fromBody(c: Context<ManagementEnv>): Promise<Names> {
  const body: unknown = c.req.bodyCache.text === undefined ? undefined : await c.req.json()
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  return { where: 'body', organizationId: fields.organization_id, externalId: fields.external_id }
}

function parseExternalId({ externalId: value, where }: Names): string {
  const { data, error } = externalId.safeParse(value)
  if (data !== undefined) return data
  const issues = error.issues.map(({ path, message }) => ({ path: ['external_id', ...path], message }))
  throw new Problem('invalid_request', { errors: fieldErrors(where, issues) })
}
