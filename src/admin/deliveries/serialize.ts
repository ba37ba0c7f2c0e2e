import type * as z from 'zod'
import { toDelivery } from '../../webhooks/serialize.ts'
import type { AdminDeliveryView } from './queries.ts'
import type { AdminDelivery } from './schemas.ts'

/** Serializes a delivery for the operator: with its organization and URL, without its payload. */
export function toAdminDelivery(row: AdminDeliveryView): z.output<typeof AdminDelivery> {
  const { payload: _payload, ...delivery } = toDelivery({ ...row, payload: {} })
  return { ...delivery, organization_id: row.organizationId, endpoint_id: row.endpointId, url: row.url }
}
