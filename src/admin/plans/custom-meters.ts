import { ALL_METERS, type Counter, METERS, type Meter } from '../../db/schema/meters.ts'
import type { NamedLimit } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { countedBy, requireMeters } from '../custom-limits.ts'

interface NamedMeters {
  readonly limits?:
    | {
        readonly meters?: Readonly<Record<string, unknown>> | undefined
        readonly key_limits?: readonly NamedLimit[] | undefined
        readonly organization_limits?: readonly NamedLimit[] | undefined
      }
    | undefined
  readonly overage?: Readonly<Record<string, unknown>> | undefined
  readonly addons?:
    | readonly { readonly limits: { readonly meters?: Readonly<Record<string, number>> | undefined } }[]
    | undefined
}

const isCustom = (name: string) => !ALL_METERS.includes(name as Meter)

/**
 * Requires that the custom meters of a plan, or of changes to one, exist. A meter that is removed from a plan need not exist.
 *
 * @throws Problem `invalid_request` naming an unknown meter, or an invalid limit
 */
export async function requireCustomMeters(
  deps: ManagementDeps,
  { limits, overage = {}, addons = [] }: NamedMeters,
): Promise<string[]> {
  const meters = (limits?.meters ?? {}) as Readonly<Record<string, { readonly limit: number | null } | null>>
  const limited = Object.keys(meters).filter((name) => meters[name] && isCustom(name))
  const priced = Object.keys(overage).filter((name) => overage[name] && !METERS.includes(name as Counter))
  const added = addons.map((addon) => Object.entries(addon.limits.meters ?? {}).filter(([name]) => isCustom(name)))
  await requireMeters(deps, [
    {
      path: 'body.limits.meters',
      settings: limited.map((slug) => [slug, meters[slug]?.limit ?? null]),
      field: 'limit',
    },
    { path: 'body.overage', settings: priced.map((slug) => [slug, null]), isForCounters: true },
    ...added.map((settings, place) => ({ path: `body.addons.${place}.limits.meters`, settings })),
  ])
  const counted = countedBy([...(limits?.key_limits ?? []), ...(limits?.organization_limits ?? [])]) // checked with their decimals
  return [...new Set([...limited, ...priced, ...counted, ...added.flatMap((some) => some.map(([name]) => name))])]
}
