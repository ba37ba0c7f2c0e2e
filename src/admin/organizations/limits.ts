import type * as z from 'zod'
import { isBuiltIn } from '../../db/schema/meters.ts'
import type { LimitOverrides, NamedLimit } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { describeNamedLimit } from '../../keys/limit-schemas.ts'
import { resolveLimits as resolveNamedLimits } from '../../keys/resolve-limits.ts'
import { formatOverrides } from '../../limits/meters/units.ts'
import { Problem } from '../../problems.ts'
import { countedBy, requireMeters, selectCustom } from '../custom-limits.ts'
import type { QuotaOverrides } from '../schemas.ts'

/** An organization's own limits in their stored form: limits of custom meters are on the same level as the others, by slug. */
export type Limits = Omit<z.output<typeof QuotaOverrides>, 'meters' | 'organization_limits'> & {
  readonly organization_limits?: readonly NamedLimit[] | null | undefined
}

/**
 * Converts the limits of a request to their stored form.
 *
 * @throws Problem `invalid_request` naming an unknown or duplicate meter, or an invalid limit
 */
export async function resolveLimits(
  deps: ManagementDeps,
  { meters = {}, ...limits }: z.output<typeof QuotaOverrides>,
  path: string,
): Promise<Limits> {
  const twice = Object.keys(meters).filter((slug) => (limits as Readonly<Record<string, unknown>>)[slug] !== undefined)
  if (twice.length > 0) {
    const errors = twice.map((slug) => ({ path: `${path}.meters.${slug}`, message: `is also beside \`meters\`` }))
    throw new Problem('invalid_request', { errors })
  }
  const custom = Object.entries(meters).flatMap(([slug, limit]) =>
    isBuiltIn(slug) ? [] : [[slug, limit ?? null] as const],
  )
  await requireMeters(deps, [{ path: `${path}.meters`, settings: custom }])
  const named = await resolveNamedLimits(deps, limits.organization_limits ?? [], `${path}.organization_limits`)
  return {
    ...limits,
    ...meters,
    ...(limits.organization_limits !== undefined && { organization_limits: named.length > 0 ? named : null }),
  }
}

/** The same for a request in which limits are optional. */
export async function withLimits<Input extends { readonly limits?: z.output<typeof QuotaOverrides> | undefined }>(
  deps: ManagementDeps,
  input: Input,
): Promise<Omit<Input, 'limits'> & { readonly limits?: Limits }> {
  const { limits, ...rest } = input
  return limits === undefined ? rest : { ...rest, limits: await resolveLimits(deps, limits, 'body.limits') }
}

/** The custom meters that limits refer to. */
export const customMetersIn = (limits: LimitOverrides | Limits | undefined) => [
  ...new Set([...selectCustom(Object.keys(limits ?? {})), ...countedBy(limits?.organization_limits ?? [])]),
]

/** Serializes an organization's own limits, or changes to them. */
export function formatLimits({ organization_limits: named, ...limits }: LimitOverrides | Limits) {
  const custom = selectCustom(Object.keys(limits))
  const others = Object.entries(limits).filter(([name]) => !custom.includes(name))
  const values = limits as Readonly<Record<string, number | null>>
  return {
    ...formatOverrides(Object.fromEntries(others) as Omit<LimitOverrides, 'organization_limits'>),
    ...(named !== undefined && { organization_limits: named === null ? null : named.map(describeNamedLimit) }),
    ...(custom.length > 0 && { meters: Object.fromEntries(custom.map((slug) => [slug, values[slug] as number])) }),
  }
}

/** An organization's own limits after a change: null restores the plan's limit. */
export function withoutNulls(limits: Limits) {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== null && limit !== undefined)) as {
    readonly [Name in keyof Limits]?: Exclude<Limits[Name], null | undefined>
  }
}
