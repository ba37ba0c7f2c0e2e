import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockLeavingMeter } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import {
  deleteMeterRow,
  findMeterRow,
  hasRoom,
  insertMeter,
  isCustomMeter,
  isUnusedMeter,
  listMeterRows,
  type MeterRow,
  updateMeter,
} from './queries.ts'
import type { Meter, MeterChanges, NewMeter } from './schemas.ts'

type View = z.output<typeof Meter>

export async function listMeters(deps: ManagementDeps): Promise<View[]> {
  return (await listMeterRows(deps.db)).map(toView)
}

/** @throws Problem `meter_not_found` */
export async function getMeter(deps: ManagementDeps, slug: string): Promise<View> {
  return toView(await getRow(deps, slug))
}

/**
 * Defines a meter. Every isolate knows it at once: an isolate that meets an unknown name reloads the meters.
 *
 * @throws Problem `meter_exists`, `meter_limit_reached`
 */
export async function createMeter(
  deps: ManagementDeps,
  operator: Operator,
  fields: z.output<typeof NewMeter>,
): Promise<View> {
  const now = new Date(deps.now())
  const row: MeterRow = { ...fields, isBuiltin: false, createdAt: now, updatedAt: now }
  try {
    await runBatch(deps.db, {
      room: requireThat(deps.db, hasRoom(), 'meter_limit_reached'),
      meter: insertMeter(deps.db, row),
      audit: audited(deps, { ...toEntry('admin.meter_created', operator, row.slug), detail: fields }),
      answer: await keepAnswer(deps, 201, toView(row)),
    })
  } catch (error) {
    throw brokenConstraint(error) === 'meters_pkey' ? new Problem('meter_exists') : error
  }
  return toView(row)
}

interface MeterChange {
  readonly operator: Operator
  readonly slug: string
  readonly changes: z.output<typeof MeterChanges>
}

/** @throws Problem `meter_not_found`, `meter_protected` */
export async function changeMeter(deps: ManagementDeps, { operator, slug, changes }: MeterChange): Promise<View> {
  await requireCustom(deps, slug)
  const { meter } = await runBatch(deps.db, {
    found: requireThat(deps.db, isCustomMeter(slug), 'meter_not_found'),
    meter: updateMeter(deps.db, slug, { ...changes, updatedAt: new Date(deps.now()) }),
    audit: audited(deps, { ...toEntry('admin.meter_updated', operator, slug), detail: { changes } }),
  })
  return toView(meter[0] as MeterRow)
}

/**
 * Deletes a meter that no limit, price or usage refers to: its slug can then be reused for something else.
 *
 * @throws Problem `meter_not_found`, `meter_protected`, `meter_in_use`
 */
export async function deleteMeter(deps: ManagementDeps, operator: Operator, slug: string): Promise<void> {
  const { slug: _, ...detail } = toView(await requireCustom(deps, slug))
  await runBatch(deps.db, {
    lock: lockLeavingMeter(deps.db, slug),
    found: requireThat(deps.db, isCustomMeter(slug), 'meter_not_found'),
    unused: requireThat(deps.db, isUnusedMeter(slug), 'meter_in_use'),
    audit: audited(deps, { ...toEntry('admin.meter_deleted', operator, slug), detail }),
    meter: deleteMeterRow(deps.db, slug),
  })
}

async function getRow(deps: ManagementDeps, slug: string): Promise<MeterRow> {
  const row = await findMeterRow(deps.db, slug)
  if (!row) throw new Problem('meter_not_found')
  return row
}

async function requireCustom(deps: ManagementDeps, slug: string): Promise<MeterRow> {
  const row = await getRow(deps, slug)
  if (row.isBuiltin) throw new Problem('meter_protected')
  return row
}

type MeterAction = 'admin.meter_created' | 'admin.meter_updated' | 'admin.meter_deleted'

const toEntry = (action: MeterAction, actor: Operator, id: string) =>
  ({ action, actor, target: { type: 'meter', id } }) as const

function toView({ slug, name, unit, kind, scale, isBuiltin, createdAt, updatedAt }: MeterRow): View {
  return {
    slug,
    name,
    unit,
    kind,
    scale,
    is_builtin: isBuiltin,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}
