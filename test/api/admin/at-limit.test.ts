import { expect, test } from 'vitest'
import { ALL_METERS, COUNTERS, type Counter, GAUGES, METERS } from '../../../src/db/schema/meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'

const ORGANIZATIONS = '/api/v1/admin/organizations'
const { sql } = directly()
const OWN_COUNTER = 'images_counted'
const OWN_GAUGE = 'images_kept'

const PERIOD = 'usage_period_start(null, now())'
const isGauge = (meter: string) => [...GAUGES, OWN_GAUGE].includes(meter)

/** Records what an organization has used of a meter, as the roll-ups do. */
function use(id: string, meter: string, amount: number) {
  if (isGauge(meter))
    return sql.query(
      `insert into usage_gauges (organization_id, meter, value, observed_at) values ($1, $2, $3, now())
        on conflict (organization_id, meter) do update set value = excluded.value`,
      [id, meter, amount],
    )
  const [column] = METERS.includes(meter as Counter) ? COUNTERS[meter as Counter].columns : []
  if (column)
    return sql.query(
      `insert into usage_periods (organization_id, period_start, ${column}) values ($1, ${PERIOD}, $2)
        on conflict (organization_id, period_start) do update set ${column} = excluded.${column}`,
      [id, amount],
    )
  return sql.query(
    `insert into usage_meter_periods (organization_id, period_start, meter, amount) values ($1, ${PERIOD}, $2, $3)
      on conflict (organization_id, period_start, meter) do update set amount = excluded.amount`,
    [id, meter, amount],
  )
}

test.each([...ALL_METERS, OWN_COUNTER, OWN_GAUGE])(
  'a customer is at its limit once %s has reached it',
  async (meter) => {
    const token = await administrator()
    const name = `at-limit-${crypto.randomUUID()}`
    const { body } = await call(`POST ${ORGANIZATIONS}`, { token, body: { name } })
    const limits = JSON.stringify({ [meter]: 5 })
    await sql.query('update organizations set limit_overrides = $2::jsonb where id = $1', [body.id, limits])
    const find = async () => (await call(`GET ${ORGANIZATIONS}?at_limit=true&search=${name}`, { token })).body.data

    await use(body.id, meter, 4)
    expect(await find()).toEqual([])
    await use(body.id, meter, 5)
    expect(await find()).toMatchObject([{ id: body.id }])
  },
)
