import type * as z from 'zod'
import { isBuiltIn } from '../../db/schema/meters.ts'
import type { LimitOverrides } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatOverrides } from '../../limits/meter-units.ts'
import { Problem } from '../../problems.ts'
import { requireMeters, selectCustom } from '../custom-limits.ts'
import type { QuotaOverrides } from '../schemas.ts'

/** An organization's own limits as they are stored: those of custom meters are beside the others, by slug. */
export type Limits = Omit<z.output<typeof QuotaOverrides>, 'meters'>

/**
 * Limits of a request in the form in which they are stored.
 *
 * @throws Problem `invalid_request` that names a meter that there is not or that is there twice, or a limit that it cannot have
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
  return { ...limits, ...meters }
}

/** The same for a request that may have none. */
export async function withLimits<Input extends { readonly limits?: z.output<typeof QuotaOverrides> | undefined }>(
  deps: ManagementDeps,
  input: Input,
): Promise<Omit<Input, 'limits'> & { readonly limits?: Limits }> {
  const { limits, ...rest } = input
  return limits === undefined ? rest : { ...rest, limits: await resolveLimits(deps, limits, 'body.limits') }
}

/** The custom meters that limits name. */
export const customMetersIn = (limits: Limits | undefined) => selectCustom(Object.keys(limits ?? {}))

/** An organization's own limits, or changes to them, on the wire. */
export function formatLimits(limits: LimitOverrides | Limits) {
  const custom = selectCustom(Object.keys(limits))
  const others = Object.entries(limits).filter(([name]) => !custom.includes(name))
  const values = limits as Readonly<Record<string, number | null>>
  return {
    ...formatOverrides(Object.fromEntries(others) as LimitOverrides),
    ...(custom.length > 0 && { meters: Object.fromEntries(custom.map((slug) => [slug, values[slug] as number])) }),
  }
}

/** An organization's own limits after a change: null returns to the plan's. */
export function withoutNulls(limits: Limits) {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== null && limit !== undefined)) as {
    readonly [Name in keyof Limits]?: Exclude<Limits[Name], null | undefined>
  }
}
