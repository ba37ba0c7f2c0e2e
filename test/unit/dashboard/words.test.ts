import { expect, test } from 'vitest'
import * as words from '../../../dashboard/src/api/words.ts'
import { AUDIT_ACTIONS } from '../../../src/audit/actions.ts'
import { PERMISSION_TEXTS } from '../../../src/auth/permission-texts.ts'
import { PLATFORM_SCOPES } from '../../../src/auth/service-scopes.ts'
import { WEBHOOK_EVENTS } from '../../../src/events/event-types.ts'

test('the dashboard knows the actions, events, scopes and permissions of the API (npm run build:api-types)', () => {
  expect({ ...words }).toEqual({ AUDIT_ACTIONS, WEBHOOK_EVENTS, PLATFORM_SCOPES, PERMISSION_TEXTS })
})
