/** Refusals by an organization's spend cap: the first of a period is reported, because charges may never reach the cap itself. */
import type { Deps } from '../../deps.ts'
import { errorFields, logRepeated } from '../../lib/log.ts'
import { createLru } from '../../lib/lru.ts'
import { formatUnits } from '../meters/units.ts'

interface CapRefusal {
  readonly organizationId: string
  /** Unix milliseconds. */
  readonly periodStart: number
  /** All in nano-dollars: the cap, the used part without holds, and the amount of the refused request. */
  readonly limit: number
  readonly used: number
  readonly needed: number
}

/** By organization: the period and the cap of the refusal that was stored. */
const noted = createLru<string>(10_000)

/** Stores nothing if the cap was changed or removed since. */
const NOTE = `
update spend_caps set refused_period = $2::timestamptz
where organization_id = $1::uuid and cost_usd = $3::numeric and action = 'block' and refused_period is distinct from $2::timestamptz`

/**
 * Stores that a cap refused a request that exceeds the remaining amount, once per period and isolate. Holds are temporary, so a
 * request that was refused only because of open reservations does not count; nor does one that exceeds the whole cap.
 */
export function noteCapRefusal(deps: Deps, refusal: CapRefusal): void {
  const { organizationId, periodStart, limit, used, needed } = refusal
  if (used + needed <= limit || needed > limit) return
  const mark = `${periodStart} ${limit}`
  if (noted.get(organizationId) === mark) return
  noted.set(organizationId, mark)
  const start = new Date(periodStart).toISOString()
  const written = deps.sql.query(NOTE, [organizationId, start, formatUnits('cost_usd', limit)])
  deps.defer(
    written.catch((error: unknown) => {
      noted.delete(organizationId) // the next refusal tries again
      logRepeated('warn', 'spend_cap_refusal_not_noted', errorFields(error))
    }),
  )
}
