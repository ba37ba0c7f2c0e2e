import { expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

test('disabling a user again publishes what the first time may have missed: keys of organizations without members', async () => {
  const { key, organizationId, user } = await newKeyHolder()
  const isolate = await newIsolate()
  expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  // what the first request did before its answer was lost
  await directly().sql.transaction((sql) => [
    sql.query('update users set is_active = false where id = $1', [user.id]),
    sql.query(
      `update organizations set suspended_at = now(), suspended_reason = 'members_disabled', version = version + 1 where id = $1`,
      [organizationId],
    ),
  ])
  const token = await administrator()
  expect((await call(`POST /api/v1/admin/users/${user.id}/disable`, { token, body: {} })).status).toBe(200)
  expect(await isolate.verify(key)).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
})
