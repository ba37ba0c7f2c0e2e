import { expect, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { call, newUser } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'

const deps = managementDeps(directly())
const use = (account: string) =>
  Promise.all(Array.from({ length: 299 }, () => enforceRateLimits(deps, { audit_read: { account } })))

test('an organization, or a reader of the whole deployment, may read the audit log 300 times a minute', async () => {
  const [{ token, user }, service] = [await newUser(), await newServiceKey('platform:audit:read')]
  await Promise.all([use(user.organization_id), use(service.id)])
  for (const [route, as] of [
    ['GET /api/v1/audit-logs', token],
    ['GET /api/v1/admin/audit-logs', service.key],
  ] as const) {
    expect((await call(route, { token: as })).status).toBe(200)
    expect(await call(route, { token: as })).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  }
})
