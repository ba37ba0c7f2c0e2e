import * as z from 'zod'
import { anyAmount, forEachAmount, money } from '../../http/amounts.ts'
import { listSchema, organizationRef, pageQuery, timestamp, uuid } from '../../http/fields.ts'
import { LONGEST_ID } from '../reservation-id.ts'
import { LONGEST_SECONDS } from './schemas.ts'

export const ReservationParams = z.strictObject({ id: z.string().min(1).max(LONGEST_ID) })
export const ReservationOwner = z.strictObject({ ...organizationRef })

export const ReservationQuery = pageQuery.extend({
  ...organizationRef,
  key_id: uuid.optional().meta({ description: 'Only reservations of this key.' }),
})

export const OpenReservation = z
  .object({
    id: z.string(),
    organization_id: z.uuid(),
    key_id: z.uuid().nullable(),
    subject: z.string().nullable(),
    held: z
      .object(forEachAmount(z.number().optional(), money.optional()))
      .catchall(anyAmount)
      .meta({ description: 'By meter; empty for a slot.' }),
    created_at: timestamp.nullable().meta({ description: 'Null for a reservation made by an earlier version.' }),
    expires_at: timestamp,
  })
  .meta({ id: 'OpenReservation' })

export const OpenReservationList = listSchema(OpenReservation)

export const ExtendBody = z
  .strictObject({
    expires_in_seconds: z
      .int()
      .min(1)
      .max(LONGEST_SECONDS)
      .meta({ description: 'Seconds from now. A reservation never expires earlier than before.' }),
  })
  .meta({ example: { expires_in_seconds: 600 } })

/** For a service binding, which has no path. */
export const ExtendInput = ExtendBody.extend({ reservation_id: ReservationParams.shape.id })

export const Extension = z
  .object({ reservation_id: z.string(), expires_at: timestamp })
  .meta({ id: 'ReservationExtension' })
