import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { directly } from '../../support/direct.ts'
import { call, newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

test('a refusal that is merged into another has no trace of its own, and its id is kept in that one', async () => {
  const { key, keyId, token, organizationId } = await newKeyHolder()
  await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: { is_active: false } })
  const isolate = await newIsolate()
  const { verifyKey } = await isolate.load(() => import('../../../src/verification/verify.ts'))
  const deps = isolate.deps()
  /** For a disabled key only the trace shows what was requested. */
  let traces = 0
  const request = {
    key,
    scopes: [],
    get cost() {
      traces += 1
      return 1
    },
  }
  const ids = [0, 1, 2].map(() => uuidv7(Date.now()))
  for (const requestId of ids) expect(await verifyKey(deps, request, { requestId })).toMatchObject({ code: 'DISABLED' })
  await isolate.settled()
  expect(traces).toBe(1)
  const [row, ...more] = await directly().sql.query(
    'select id, requests, trace from usage_events where organization_id = $1',
    [organizationId],
  )
  expect(more).toEqual([])
  expect(row).toMatchObject({ id: ids[0], requests: 3, trace: { plan: 'free', also: ids.slice(1) } })
})
