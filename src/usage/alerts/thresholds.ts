import { eq, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import { lockOrganization } from '../../db/locks.ts'
import { isBuiltIn } from '../../db/schema/meters.ts'
import { organizations } from '../../db/schema/organizations.ts'
import type { AlertAmount } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatNamedAmount } from '../../limits/quota-reading.ts'
import { Problem } from '../../problems.ts'
import { DEFAULT_THRESHOLDS } from './queries.ts'
import { resolveAmounts } from './resolve-amounts.ts'
import type { AlertThresholds, AlertThresholdsChange } from './schemas.ts'

type Thresholds = z.output<typeof AlertThresholds>

const COLUMNS = { chosen: organizations.alertThresholds, amounts: organizations.alertAmounts }

interface Row {
  readonly chosen: readonly number[] | null
  readonly amounts: readonly AlertAmount[]
}

const formatAmounts = (amounts: readonly AlertAmount[]) =>
  amounts.map(({ meter, kind, amount }) => ({ meter, kind, amount: formatNamedAmount(meter, amount) }))

const toThresholds = ({ chosen, amounts }: Row): Thresholds => ({
  thresholds: [...(chosen ?? DEFAULT_THRESHOLDS)],
  is_default: chosen === null,
  amounts: formatAmounts(amounts),
})

/** @throws Problem `organization_not_found` */
export async function readThresholds({ db }: ManagementDeps, organizationId: string): Promise<Thresholds> {
  const [row] = await db.select(COLUMNS).from(organizations).where(eq(organizations.id, organizationId))
  if (!row) throw new Problem('organization_not_found')
  return toThresholds(row)
}

/**
 * Sets the percentages or the amounts at which alerts are sent, or both. They apply to new usage at once, and to earlier
 * usage within an hour.
 *
 * @param change percentages and amounts in any order; null for the default percentages
 * @throws Problem `organization_not_found`, `invalid_request` that names an amount, `meter_not_found` for a meter that
 *   is deleted at the same time
 */
export async function setThresholds(
  deps: ManagementDeps,
  actor: Principal,
  organizationId: string,
  change: z.output<typeof AlertThresholdsChange>,
): Promise<Thresholds> {
  const { thresholds: chosen } = change
  const alertThresholds = chosen && [...new Set(chosen)].toSorted((a, b) => a - b)
  const alertAmounts = change.amounts && (await resolveAmounts(deps, change.amounts))
  const isThere = sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid)`
  const custom = [...new Set(alertAmounts?.map(({ meter }) => meter).filter((meter) => !isBuiltIn(meter)))]
  const { organization } = await runBatch(deps.db, {
    meters: holdMeters(deps.db, custom),
    lock: lockOrganization(deps.db, organizationId),
    found: requireThat(deps.db, isThere, 'organization_not_found'),
    organization: deps.db
      .update(organizations)
      .set({ ...(alertThresholds !== undefined && { alertThresholds }), ...(alertAmounts && { alertAmounts }) })
      .where(eq(organizations.id, organizationId))
      .returning(COLUMNS),
    audit: audited(deps, {
      action: 'organization.alert_thresholds_changed',
      actor,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: {
        ...(alertThresholds !== undefined && { thresholds: alertThresholds }),
        ...(alertAmounts && { amounts: formatAmounts(alertAmounts) }),
      },
    }),
  })
  const [row] = organization
  if (!row) throw new Problem('organization_not_found')
  return toThresholds(row)
}
