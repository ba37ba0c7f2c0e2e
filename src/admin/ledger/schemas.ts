import * as z from 'zod'
import { METER_SLUG } from '../../db/schema/meter-names.ts'
import { line, listSchema, organizationFilter, pageQuery, timestamp } from '../../http/fields.ts'

/** Built by `toEntry` in billing/overage/job.ts: organization, meter, start of the period, first unit. */
export const LEDGER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[a-z0-9_]{1,40}:\d{1,12}:\d{1,19}$/

const provider = z.enum(['polar', 'stripe'])
const meter = z
  .string()
  .regex(METER_SLUG, 'must be the name of a meter')
  .meta({ description: 'The name of a built-in counter, or the slug of your own.' })
const state = z.enum(['pending', 'sent', 'refused', 'unknown', 'written_off'])

export const LedgerRowParams = z.strictObject({
  id: z.string().regex(LEDGER_ID, 'must be the id of a row of the ledger'),
})

export const LedgerRowQuery = pageQuery.extend({
  ...organizationFilter,
  state: state.optional(),
  provider: provider.optional(),
  meter: meter.optional(),
})

export const AdminLedgerRow = z
  .object({
    id: z.string().meta({ description: "The row's identifier." }),
    organization_id: z.uuid(),
    provider,
    meter: z.string(),
    period_start: timestamp,
    from_units: z.int().meta({ description: 'The overage of the period that earlier rows contain.' }),
    units: z.int(),
    amount_usd: z.string().meta({ description: 'US dollars, with six decimals.', example: '4.200000' }),
    state: state.meta({
      description:
        '`pending`: the job will send it, at Stripe with the next invoice. `sent`: charged. `refused`: the provider refused it permanently, or 20 times. `unknown`: Stripe has it with another amount, or may have it as a meter event of an earlier version. `written_off`: by an administrator.',
    }),
    attempts: z.int(),
    error: z.string().nullable().meta({ description: "The provider's reason, or why it was written off." }),
    attempted_at: timestamp.nullable().meta({ description: 'The first attempt.' }),
    sent_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'AdminLedgerRow' })

export const AdminLedgerRowList = listSchema(AdminLedgerRow)

const reason = line(500).meta({ description: 'Kept in the audit log.' })

export const LedgerResend = z.strictObject({ reason: reason.optional() })
export const LedgerWriteOff = z.strictObject({ reason })
