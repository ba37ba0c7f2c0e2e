/** Code that users and groups share. */
import * as z from 'zod'
import type { ManagementDeps } from '../../deps.ts'
import { badRequest, ScimError } from './error.ts'

/** The base path of all URLs of this service provider. */
export const SCIM_PATH = '/scim/v2'

export const CORE_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0'

/** The page size limit. */
export const MAX_RESULTS = 200
const DEFAULT_RESULTS = 100

export interface Kind {
  readonly type: 'User' | 'Group'
  readonly folder: 'Users' | 'Groups'
}

interface Row {
  readonly id: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const toLocation = ({ config }: ManagementDeps, { folder }: Kind, id: string) =>
  `${config.PUBLIC_URL}${SCIM_PATH}/${folder}/${id}`

export const buildMeta = (deps: ManagementDeps, kind: Kind, { id, createdAt, updatedAt }: Row) => ({
  resourceType: kind.type,
  created: createdAt.toISOString(),
  lastModified: updatedAt.toISOString(),
  location: toLocation(deps, kind, id),
})

/** @throws ScimError `invalidValue` naming the attributes */
export function checkValues<Schema extends z.ZodType>(schema: Schema, resource: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(resource)
  if (!error) return data
  const flaws = error.issues.map(({ path, message }) => `${path.join('.') || 'The body'}: ${message}`)
  throw badRequest('invalidValue', `${flaws.slice(0, 10).join('; ')}.`)
}

const number = z.coerce.number().int()
const names = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((text) => [text ?? []].flat().flatMap((one) => one.split(',').map((name) => name.trim().toLowerCase())))

/** The parameters of a search (RFC 7644 §3.4.2 and §3.4.3). Values out of range are clamped, as in §3.4.2.4. */
export const Search = z.object({
  filter: z.string().optional(),
  startIndex: number.default(1).transform((index) => Math.max(1, index)),
  count: number.default(DEFAULT_RESULTS).transform((count) => Math.min(MAX_RESULTS, Math.max(0, count))),
  attributes: names,
  excludedAttributes: names,
})

export type Search = z.output<typeof Search>

export interface Found {
  readonly total: number
  readonly resources: readonly Record<string, unknown>[]
}

export const toListResponse = ({ total, resources }: Found, { startIndex, ...shown }: Search) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: total,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources.map((one) => project(one, shown)),
})

/** The attributes that every response contains (RFC 7643 §2.4). */
const ALWAYS = new Set(['schemas', 'id'])

/** Omits attributes that were not requested (RFC 7644 §3.9). */
export function project(
  resource: Readonly<Record<string, unknown>>,
  { attributes, excludedAttributes: excluded }: Pick<Search, 'attributes' | 'excludedAttributes'>,
) {
  if (attributes.length + excluded.length === 0) return resource
  const shown = Object.entries(resource).filter(([name]) => {
    const lower = name.toLowerCase()
    const isNamed = (one: string) => one.replace(/^urn:.*:/, '').split('.')[0] === lower
    return ALWAYS.has(lower) || (attributes.length > 0 ? attributes.some(isNamed) : !excluded.some(isNamed))
  })
  return Object.fromEntries(shown)
}

export const notFound = ({ type }: Kind, id: string) =>
  new ScimError(404, undefined, `There is no ${type} ${JSON.stringify(id.slice(0, 100))}.`)
