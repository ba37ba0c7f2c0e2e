/** Amounts of custom meters: rounded to the decimals of their meters, or what usage cannot be counted with. */
import type { Deps } from '../deps.ts'
import { quoteName } from '../lib/unknown-fields.ts'
import { findMeters, type MeterCatalog } from '../limits/meters/catalog.ts'
import { readQuantities, roundQuantities } from '../limits/meters/quantities.ts'
import { type UsageEvent, VERIFICATION } from './event.ts'

type Measured = Pick<UsageEvent, 'quantities'>

/** The meters that events name, and all others. Nothing is read for events without amounts of any. */
async function loadMeters(deps: Deps, events: readonly Measured[]): Promise<MeterCatalog> {
  const named = new Set(events.flatMap(({ quantities }) => Object.keys(quantities ?? {})))
  return named.size === 0 ? {} : findMeters(deps, named)
}

/** What is wrong with the first amount that is. */
function findFlaw({ quantities }: Measured, meters: MeterCatalog): string | undefined {
  const read = readQuantities(quantities ?? {}, meters)
  return 'slug' in read ? `quantities.${quoteName(read.slug)}: ${read.message}` : undefined
}

/** Stored events and sums then have the same figures. */
function round<Event extends Measured>(event: Event, meters: MeterCatalog): Event {
  return event.quantities ? { ...event, quantities: roundQuantities(event.quantities, meters) } : event
}

/**
 * Checks the amounts of custom meters: each must be of a meter that there is. Decimals that the meter does not have are
 * rounded.
 *
 * @returns each event, or what is wrong with it
 * @throws Problem `unavailable` when the meters have to be read and the database does not answer
 */
export async function checkAmounts<Event extends Measured>(
  deps: Deps,
  events: readonly Event[],
): Promise<readonly (Event | string)[]> {
  const meters = await loadMeters(deps, events)
  return events.map((event) => findFlaw(event, meters) ?? round(event, meters))
}

/** What is counted of usage, and what is lost of it, and why. */
interface Parted {
  readonly sound: readonly UsageEvent[]
  readonly lost: readonly { readonly event: UsageEvent; readonly reason: string }[]
}

/**
 * Parts usage that nobody could check when it came. What was reported with a wrong amount is lost whole, as it would have been
 * rejected, so that it may be reported again under its id. A verification has been granted: it counts without the amounts
 * of meters that there are not any more, and only these are lost.
 *
 * @throws Problem `unavailable` when the meters have to be read and the database does not answer
 */
export async function partFlawed(deps: Deps, events: readonly UsageEvent[]): Promise<Parted> {
  const meters = await loadMeters(deps, events)
  const parted = events.map((event) => part(event, meters))
  return { sound: parted.flatMap(({ sound }) => sound), lost: parted.flatMap(({ lost }) => lost) }
}

function part(event: UsageEvent, meters: MeterCatalog): Parted {
  const reason = findFlaw(event, meters)
  if (reason === undefined) return { sound: [round(event, meters)], lost: [] }
  if (event.source !== VERIFICATION) return { sound: [], lost: [{ event, reason }] }
  const amounts = Object.entries(event.quantities ?? {}).map(([slug, amount]) => {
    const quantities = { [slug]: amount }
    return { slug, amount, quantities, flaw: findFlaw({ quantities }, meters) }
  })
  const kept = amounts.filter(({ flaw }) => flaw === undefined).map(({ slug, amount }) => [slug, amount] as const)
  const { id, source = VERIFICATION, organization_id, occurred_at, key_id = null, subject = null } = event
  const about = { id, source, organization_id, occurred_at, key_id, subject }
  return {
    sound: [round({ ...event, quantities: Object.fromEntries(kept) }, meters)],
    lost: amounts.flatMap(({ quantities, flaw }) =>
      flaw === undefined ? [] : [{ event: Object.assign({ quantities }, about), reason: flaw }],
    ),
  }
}
