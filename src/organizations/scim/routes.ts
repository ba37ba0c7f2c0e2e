/**
 * SCIM 2.0 (RFC 7643, RFC 7644): the directory of an organization decides who belongs to it. SCIM has its own message formats
 * and describes itself (`/Schemas`), so it is not in the OpenAPI document.
 */
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ManagementEnv } from '../../auth/env.ts'
import type { ManagementDeps } from '../../deps.ts'
import { BEARER } from '../../http/challenge.ts'
import { toProblem, writeProblemHeaders } from '../../http/edge.ts'
import { MAX_BODY_BYTES, mediaType, parseJson, readAtMost, requireReadable } from '../../http/json-body.ts'
import { Problem } from '../../problems.ts'
import { readMembers, requireSchema } from './attributes.ts'
import { authenticateDirectory } from './authenticate.ts'
import { listResourceTypes, listSchemas, serviceProviderConfig } from './discovery.ts'
import { ScimError } from './error.ts'
import { createGroup, deleteGroup, GROUP, getGroup, listGroups, patchGroup, replaceGroup, toGroup } from './groups.ts'
import { checkValues, type Found, type Kind, project, Search, toListResponse, toLocation } from './resource.ts'
import { createUser, deleteUser, getUser, listUsers, patchUser, replaceUser, toUser, USER } from './users.ts'

type Env = ManagementEnv
type Json = Readonly<Record<string, unknown>>

const SEARCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'

/** The parameters of a search (RFC 7644 §3.4.2 and §3.4.3). Sorting is not supported, and its parameters have no effect. */
const ASKED = ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes', 'sortBy', 'sortOrder'] as const

/** @throws ScimError `invalidSyntax` for an unknown parameter */
function readQuery(c: Context<Env>): Record<string, unknown> {
  const given = Object.entries(c.req.query()).filter(([name]) => !OF_ENTRA.test(name))
  return readMembers(Object.fromEntries(given), ASKED)
}

/** Entra's own switches, which people append to the address that they enter there. */
const OF_ENTRA = /^aadOptscim/i

/** The operations on a resource type, for one organization. */
interface Operations {
  readonly kind: Kind
  readonly list: (deps: ManagementDeps, organizationId: string, search: Search) => Promise<Found>
  readonly get: (deps: ManagementDeps, organizationId: string, id: string) => Promise<Json>
  readonly create: (deps: ManagementDeps, organizationId: string, body: unknown) => Promise<Json>
  readonly replace: (deps: ManagementDeps, organizationId: string, id: string, body: unknown) => Promise<Json>
  readonly patch: (deps: ManagementDeps, organizationId: string, id: string, body: unknown) => Promise<Json>
  readonly remove: (deps: ManagementDeps, organizationId: string, id: string) => Promise<void>
}

const users: Operations = {
  kind: USER,
  list: listUsers,
  get: async (deps, ...args) => toUser(deps, await getUser(deps, ...args)),
  create: async (deps, ...args) => toUser(deps, await createUser(deps, ...args)),
  replace: async (deps, ...args) => toUser(deps, await replaceUser(deps, ...args)),
  patch: async (deps, ...args) => toUser(deps, await patchUser(deps, ...args)),
  remove: deleteUser,
}

const groups: Operations = {
  kind: GROUP,
  list: listGroups,
  get: async (deps, ...args) => toGroup(deps, await getGroup(deps, ...args)),
  create: async (deps, ...args) => toGroup(deps, await createGroup(deps, ...args)),
  replace: async (deps, ...args) => toGroup(deps, await replaceGroup(deps, ...args)),
  patch: async (deps, ...args) => toGroup(deps, await patchGroup(deps, ...args)),
  remove: deleteGroup,
}

export const scim = new Hono<Env>()

scim.onError(answerError)

scim.use(async (c, next) => {
  c.set('organizationId', await authenticateDirectory(c.var.deps, c.req.header('Authorization')))
  await next()
})

/** Before anything is done: a parameter that nobody reads would answer another question than was asked. */
scim.use(async (c, next) => {
  readQuery(c)
  await next()
})

scim.get('/ServiceProviderConfig', (c) => answer(c, serviceProviderConfig(c.var.deps)))
addList('/ResourceTypes', listResourceTypes)
addList('/Schemas', listSchemas)
addResource(users)
addResource(groups)
for (const path of ['/Me', '/Bulk', '/.search'])
  scim.all(path, () => {
    throw new ScimError(501, undefined, `${path} is not offered, see /ServiceProviderConfig.`)
  })
scim.all('*', (c) => {
  throw new ScimError(404, undefined, `There is no ${c.req.method} ${c.req.path}.`)
})

function addList(path: string, list: (deps: ManagementDeps) => readonly { readonly id: string }[]): void {
  scim.get(path, (c) => {
    if (c.req.query('filter') !== undefined) throw new ScimError(403, undefined, `${path} cannot be filtered.`) // RFC 7644 §4
    const all = list(c.var.deps)
    return answer(c, toListResponse({ total: all.length, resources: all }, checkValues(Search, {})))
  })
  scim.get(`${path}/:id`, (c) => {
    const id = c.req.param('id')
    const found = list(c.var.deps).find((one) => one.id === id)
    if (!found) throw new ScimError(404, undefined, `There is no ${path}/${id.slice(0, 100)}.`)
    return answer(c, found)
  })
}

/** The query parameters for a response with one resource. No query may fail here, because the change is already made. */
const Shown = Search.pick({ attributes: true, excludedAttributes: true })
const shown = (c: Context<Env>, resource: Json) => project(resource, checkValues(Shown, readQuery(c)))
const readId = (c: Context<Env>) => c.req.param('id') ?? ''

function addResource({ kind, list, get, create, replace, patch, remove }: Operations): void {
  const all = `/${kind.folder}`
  const one = `${all}/:id`
  scim.get(all, async (c) => {
    const search = checkValues(Search, readQuery(c))
    return answer(c, toListResponse(await list(c.var.deps, c.var.organizationId, search), search))
  })
  scim.post(`${all}/.search`, async (c) => {
    const search = checkValues(
      Search,
      readMembers(requireSchema(await readBody(c), SEARCH_SCHEMA), ['schemas', ...ASKED]),
    )
    return answer(c, toListResponse(await list(c.var.deps, c.var.organizationId, search), search))
  })
  scim.post(all, async (c) => {
    const made = await create(c.var.deps, c.var.organizationId, await readBody(c))
    c.header('Location', toLocation(c.var.deps, kind, String(made.id)))
    return answer(c, shown(c, made), 201)
  })
  scim.get(one, async (c) => answer(c, shown(c, await get(c.var.deps, c.var.organizationId, readId(c)))))
  scim.put(one, async (c) =>
    answer(c, shown(c, await replace(c.var.deps, c.var.organizationId, readId(c), await readBody(c)))),
  )
  scim.patch(one, async (c) =>
    answer(c, shown(c, await patch(c.var.deps, c.var.organizationId, readId(c), await readBody(c)))),
  )
  scim.delete(one, async (c) => {
    await remove(c.var.deps, c.var.organizationId, readId(c))
    return c.body(null, 204)
  })
}

/** @throws Problem `unsupported_media_type`, `body_too_large`, `malformed_json` */
async function readBody({ req }: Context<Env>): Promise<unknown> {
  if (!['application/scim+json', 'application/json'].includes(mediaType(req.raw)))
    throw new Problem('unsupported_media_type')
  requireReadable(req.raw)
  return parseJson(await readAtMost(req.raw, MAX_BODY_BYTES))
}

function answer(c: Context<Env>, body: unknown, status: 200 | 201 = 200): Response {
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/scim+json' })
}

/** Turns a thrown error into an error response of RFC 7644 §3.12. */
function answerError(error: unknown, c: Context<Env>): Response {
  if (error instanceof ScimError) return refuse(c, error, error.message)
  const problem = toProblem(error, c)
  writeProblemHeaders(c, problem, () => BEARER)
  const scimType = problem.code === 'malformed_json' ? 'invalidSyntax' : undefined
  return refuse(c, { status: problem.status, scimType }, problem.message)
}

interface Refusal {
  readonly status: ContentfulStatusCode
  readonly scimType: string | undefined
}

function refuse(c: Context<Env>, { status, scimType }: Refusal, detail: string): Response {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error']
  c.header('Content-Type', 'application/scim+json')
  return c.body(JSON.stringify({ schemas, status: String(status), ...(scimType && { scimType }), detail }), status)
}
