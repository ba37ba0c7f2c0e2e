import { describe, expect, test } from 'vitest'
import { NewPlan, PlanChanges } from '../../../src/admin/plans/schemas.ts'
import { QuotaOverrides } from '../../../src/admin/schemas.ts'
import { USED_UNITS } from '../../../src/billing/overage/queries.ts'
import { Catalog } from '../../../src/billing/plans/schemas.ts'
import {
  ALL_METERS,
  AMOUNTS,
  amountIn,
  billedPerOne,
  COUNTER_COLUMNS,
  COUNTERS,
  type Counter,
  type CounterColumn,
  caseOfMeter,
  FIGURES,
  GAUGES,
  isMoney,
  isMoneyColumn,
  METER_ROWS,
  METERS,
} from '../../../src/db/schema/meters.ts'
import { sha256Hex } from '../../../src/lib/bytes.ts'
import { fromUnits, toUnits } from '../../../src/limits/meters/units.ts'
import { getUse } from '../../../src/limits/quotas.ts'
import { RECORD_USAGE } from '../../../src/metering/functions/statements.ts'
import { REPORTED_COLUMNS } from '../../../src/metering/functions/sums.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { usageForecast } from '../../../src/usage/analytics/forecast.ts'
import { Forecast } from '../../../src/usage/analytics/schemas.ts'
import { ReportedEvent } from '../../../src/usage/reporting/schemas.ts'
import { ReserveBody } from '../../../src/usage/reservations/schemas.ts'
import { Quotas } from '../../../src/usage/schemas.ts'
import { selectKey } from '../../../src/verification/key-record.ts'
import { directly } from '../../support/direct.ts'
import { call, newKeyHolder } from '../../support/http.ts'

/** The fields of an object that refuses the name of a prototype before (http/text-field.ts). */
const fieldsOf = (checked: object) => (checked as { out: { shape: object } }).out.shape

const names = (shape: object) => Object.keys(shape).filter((name) => ALL_METERS.includes(name as never))

describe('the table of meters', () => {
  test('every meter has its own display name', () => {
    expect(new Set(ALL_METERS.map((meter) => METER_ROWS[meter].label)).size).toBe(ALL_METERS.length)
  })

  test('every money meter is one money column', () => {
    for (const meter of METERS.filter(isMoney)) expect(COUNTERS[meter].columns.map(isMoneyColumn)).toEqual([true])
  })

  test('every schema that names meters names all of them', () => {
    const [plan, changes] = [NewPlan.shape, PlanChanges.shape]
    const everywhere = {
      limits: fieldsOf(plan.limits.shape.meters),
      changes: fieldsOf(changes.limits.unwrap().shape.meters.unwrap()),
      overrides: QuotaOverrides.shape,
      catalog: Catalog.shape.data.element.shape.meters.shape,
      quotas: Quotas.shape.meters.shape,
      reported: ReportedEvent.shape,
      reserved: ReserveBody.shape,
    }
    for (const [where, shape] of Object.entries(everywhere))
      expect(names(shape).toSorted(), where).toEqual(ALL_METERS.toSorted())
    expect(Object.keys(fieldsOf(plan.overage.unwrap()))).toEqual(METERS)
    expect(Object.keys(fieldsOf(changes.overage.unwrap()))).toEqual(METERS)
    expect(Object.keys(Forecast.shape.meters.shape)).toEqual(METERS)
  })

  test('every column of a counter is summed', () => {
    for (const meter of METERS)
      for (const column of COUNTERS[meter].columns) expect(RECORD_USAGE).toContain(`${column} = known.${column} +`)
  })

  test('every reader reads the use of each meter in a period exactly, to the unit', async () => {
    const { key, organizationId } = await newKeyHolder({})
    const { sql } = directly()
    const amounts = METERS.map((meter, at) => [meter, at + 3] as const)
    const columns = amounts.flatMap(([meter, amount]) =>
      COUNTERS[meter].columns.map(
        (column, at) => [column, at === 0 ? amount - COUNTERS[meter].columns.length + 1 : 1] as const,
      ),
    )
    await sql.query(
      `insert into usage_periods (organization_id, period_start, ${columns.map(([column]) => column).join(', ')})
       select id, usage_period_start(period_anchor, now()), ${columns.map(([, amount]) => amount).join(', ')} from organizations where id = $1`,
      [organizationId],
    )
    const expected = Object.fromEntries(amounts)
    const rows = await sql.query(
      `select t.meter, ${USED_UNITS}::text as units from usage_periods u, unnest($2::text[]) as t(meter) where u.organization_id = $1`,
      [organizationId, [...METERS, 'unheard_of']],
    )
    const units = METERS.map((meter) => [meter, String((expected[meter] ?? 0) * billedPerOne(meter))])
    expect(Object.fromEntries(rows.map(({ meter, units }) => [meter, units]))).toEqual({
      ...Object.fromEntries(units),
      unheard_of: null,
    })
    const now = Date.now()
    expect((await getUse(sql, organizationId, now)).usedUnits).toEqual({
      ...Object.fromEntries(amounts.map(([meter, amount]) => [meter, toUnits(meter, amount)])),
      ...Object.fromEntries(GAUGES.map((gauge) => [gauge, 0])),
    })
    const record = await selectKey(directly(), sha256Hex(key), now)
    const { meters } = await usageForecast(sql, organizationId, now)
    for (const meter of METERS) {
      expect(fromUnits(meter, record?.used[meter] as number), meter).toBe(expected[meter])
      expect(Number(meters[meter].used), meter).toBe(expected[meter])
      expect(typeof meters[meter].used).toBe(COUNTERS[meter].isMoney ? 'string' : 'number')
    }
  })

  test('every analytics response and every file has each figure as it was recorded', async () => {
    const { keyId, token, organizationId } = await newKeyHolder({})
    const at = Date.now() - 60_000
    const recorded = REPORTED_COLUMNS.map((name, index) => [name, index + 3] as const)
    const event = { organization_id: organizationId, key_id: keyId, occurred_at: new Date(at).toISOString() }
    const usage = recorded.map(([name, amount]) => [name, isMoneyColumn(name) ? String(amount) : amount])
    const unpriced = { ...event, id: 'unpriced', model: 'unheard-of', requests: 0 }
    await writeUsage(directly(), [{ ...event, id: 'all', ...Object.fromEntries(usage) }, unpriced])

    const columns = { ...Object.fromEntries(recorded), unpriced: 1 } as Record<CounterColumn, number>
    const shown = <Name extends string>(names: readonly Name[]) => names.filter((name) => name !== 'charge_usd')
    const figures = Object.fromEntries(shown(FIGURES).map((name) => [name, expectedFigure(name)]))
    const amounts = Object.fromEntries(shown(AMOUNTS).map((name) => [name, expectedFigure(name)]))
    function expectedFigure(name: Counter | CounterColumn): number | string {
      if (isMoneyColumn(name)) return `${columns[name]}.000000`
      const of: readonly CounterColumn[] =
        name in COUNTERS ? COUNTERS[name as Counter].columns : [name as CounterColumn]
      return of.reduce((sum, column) => sum + columns[column], 0)
    }

    const get = async (path: string) => (await call(`GET /api/v1${path}`, { token })).body
    const span = `from=${new Date(at - 3_600_000).toISOString()}`
    const summary = await get(`/usage/summary?${span}`)
    expect(summary.totals).toMatchObject(figures)
    expect(Object.keys(summary.change)).toEqual(['requests', 'errors', ...METERS])
    const series = await get(`/usage/timeseries?interval=hour&${span}`)
    expect(series.data).toContainEqual(expect.objectContaining(figures))
    for (const order of ['requests', 'errors', ...METERS]) {
      const { data } = await get(`/usage/breakdown?by=key&order=${order}&${span}`)
      expect(data, order).toMatchObject([{ value: keyId, ...figures, share: order === 'errors' ? null : 1 }])
    }
    const statistics = await get(`/auth/usage/stats?period=${new Date(at).toISOString().slice(0, 7)}`)
    expect(statistics.totals).toMatchObject(amounts)
    expect(statistics.by_key).toMatchObject([amounts])
    const { data: events } = await get('/usage/events?id=all')
    expect(events).toMatchObject([Object.fromEntries(recorded.map(([name]) => [name, expectedFigure(name)]))])
    for (const [what, names] of [
      ['events', REPORTED_COLUMNS],
      ['daily', shown(COUNTER_COLUMNS)],
    ] as const) {
      const [header = '', ...lines] = String(await get(`/usage/export?what=${what}&${span}`))
        .trim()
        .split('\r\n')
      const rows = lines.map((line) => line.split(','))
      for (const name of names) {
        const column = header.split(',').indexOf(name)
        const sum = rows.reduce((total, row) => total + Number(row[column]), 0)
        expect(sum, `${what} ${name}`).toBe(columns[name])
      }
    }
  })

  test('a meter without a row in the table is never taken for another one', () => {
    expect(caseOfMeter('m', (meter) => amountIn('u', meter))).not.toContain('else')
  })
})
