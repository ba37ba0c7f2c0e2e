import * as z from 'zod'
import { positiveUsd, signedUsd } from '../../billing/credits/schemas.ts'
import { line, organizationInPath, timestamp, uuid } from '../../http/fields.ts'

const reason = line(500).meta({ description: 'Shown in the ledger of the organization, and kept in the audit log.' })

export const CreditsParams = z.strictObject({ organization_id: organizationInPath })
export const CreditGrantParams = z.strictObject({ organization_id: organizationInPath, grant_id: uuid })

export const NewCreditGrant = z
  .strictObject({
    amount: positiveUsd,
    reason,
    source: z
      .enum(['admin', 'purchase', 'refund'])
      .default('admin')
      .meta({ description: '`purchase` for credits paid outside of Tollgate, `refund` for goodwill.' }),
    priority: z
      .int()
      .min(-1_000)
      .max(1_000)
      .default(0)
      .meta({ description: 'Of grants that expire at the same time, the one with the lower value is used first.' }),
    expires_at: timestamp.optional().meta({ description: 'Absent for never.' }),
  })
  .meta({ example: { amount: '25.00', reason: 'Goodwill for the outage of May 3' } })

export const CreditRevocation = z.strictObject({ reason })

export const CreditCorrection = z
  .strictObject({
    amount: signedUsd.meta({ description: 'The amount to add to the grant. Negative to reduce it.' }),
    reason,
  })
  .meta({ example: { amount: '-5.00', reason: 'Granted to the wrong customer' } })
