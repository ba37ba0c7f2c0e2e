import { foldPlatformUsage } from '../../src/metering/fold-platform.ts'
import { directly } from './direct.ts'
import { newUser } from './http.ts'

const deps = directly()

/** A plan that only this test's organizations are on: nobody else's usage is in its results. */
export async function newPlan(): Promise<string> {
  const plan = `plan-${crypto.randomUUID().slice(0, 13)}`
  await deps.sql.query(
    `insert into plans (id, name, prices, limits, features, is_public)
     select $1, 'Plan of a test', '[{"interval":"month","currency":"usd","amount_cents":1900}]', limits, features, false from plans where id = 'free'`,
    [plan],
  )
  return plan
}

export async function newCustomer(plan: string, name: string) {
  const { user, token } = await newUser({ organization: name })
  const id = user.organization_id as string
  await putOn(plan, id)
  return { id, token }
}

export const putOn = (plan: string, organizationId: string) =>
  deps.sql.query('update organizations set plan_id = $2, version = version + 1 where id = $1', [organizationId, plan])

/** Moves the notes of late usage in these hours into the past. */
const ageLate = (hours: readonly string[], minutes: number) =>
  deps.sql.query(
    'update usage_late_hours set noted_at = noted_at - make_interval(mins => $2) where hour = any($1::timestamptz[])',
    [hours, minutes],
  )

/** Runs the job until none of these hours waits for it any more, as if they had been noted long ago. */
export async function fold(...hours: string[]): Promise<void> {
  await ageLate(hours, 120)
  const isDue = async () => {
    const [row] = await deps.sql.query(
      'select exists (select 1 from usage_late_hours where hour = any($1::timestamptz[])) as late, folded_until > all($1::timestamptz[]) as folded from usage_platform_progress',
      [hours],
    )
    return row?.late || !row?.folded
  }
  while (await isDue()) await foldPlatformUsage(deps)
}
