import type * as z from 'zod'
import { toDelivery } from '../../webhooks/serialize.ts'
import type { AdminDeliveryView } from './queries.ts'
import type { AdminDelivery } from './schemas.ts'

/** A delivery as the operator sees it: whose it is and where it goes, without what it says. */
export function toAdminDelivery(row: AdminDeliveryView): z.output<typeof AdminDelivery> {
  const { payload: _payload, ...delivery } = toDelivery({ ...row, payload: {} })
  return { ...delivery, organization_id: row.organizationId, endpoint_id: row.endpointId, url: row.url }
}
