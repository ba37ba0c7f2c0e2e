import * as z from 'zod'
import { CREDIT_KINDS, CREDIT_SOURCES } from '../../db/schema/credits.ts'
import { AT_NO_CREDITS } from '../../db/schema/plans.ts'
import { listSchema, organizationRef, pageQuery, timestamp } from '../../http/fields.ts'
import { roundDecimal } from '../../lib/decimal.ts'

const MAX_USD = 1_000_000
/** More decimals than any accepted text can have, so nothing is rounded away. */
const ALL_PLACES = 160
const NINE_PLACES = /^(\d+\.\d{9})0*$/

/**
 * An amount of US dollars in a request: decimal text or a number, with at most nine decimals.
 *
 * @param isSigned whether it may be negative
 * @returns decimal text with nine decimals
 */
function usdInput(isSigned: boolean) {
  const range = isSigned ? `from -${MAX_USD} to ${MAX_USD}, not 0,` : `above 0 and up to ${MAX_USD}`
  const message = `must be US dollars ${range} with at most nine decimals, as text or as a number`
  return z
    .union([z.number(), z.string().max(100)], message)
    .transform((value, context) => {
      const text = String(value).trim()
      const isNegative = isSigned && text.startsWith('-')
      const [, exact] = NINE_PLACES.exec(roundDecimal(isNegative ? text.slice(1) : text, ALL_PLACES) ?? '') ?? []
      const amount = Number(exact)
      if (exact !== undefined && amount > 0 && amount <= MAX_USD) return isNegative ? `-${exact}` : exact
      context.issues.push({ code: 'custom', message, input: value })
      return z.NEVER
    })
    .meta({ description: 'US dollars, as a decimal string or a number.', example: '25.00' })
}

export const positiveUsd = usdInput(false)
export const signedUsd = usdInput(true)

export const usd = z.string().meta({ description: 'US dollars, a decimal string.', example: '25.000000' })

export const CreditGrant = z
  .object({
    id: z.uuid(),
    amount: usd.meta({ description: 'What was granted, corrections included.' }),
    remaining: usd,
    priority: z
      .int()
      .meta({ description: 'Of grants that expire at the same time, the one with the lower value is used first.' }),
    source: z.enum(CREDIT_SOURCES),
    reason: z.string().nullable(),
    rolled_over: usd.nullable().meta({
      description:
        'For `plan`: the part that does not come from the plan itself, which is what was left from the last period, and corrections. Negative if corrections took more.',
    }),
    expires_at: timestamp.nullable().meta({ description: 'Null for never.' }),
    revoked_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'CreditGrant' })

export const Credits = z
  .object({
    uses_credits: z.boolean().meta({ description: 'Whether there was a grant. Without one, calls need no credits.' }),
    balance: usd.meta({ description: "The sum of all grants' remaining amounts, which equals the sum of the ledger." }),
    held: usd.meta({ description: 'The part that open reservations hold.' }),
    owed: usd.meta({ description: 'Charges that no grant could pay. The next grant pays them first.' }),
    at_no_credits: z.enum(AT_NO_CREDITS).meta({
      description:
        'Set by the plan. When nothing is left, `block` refuses calls, and `allow` lets them continue without credits.',
    }),
    low_balance: usd.meta({ description: 'At this balance or below, endpoints get `credits.low`.' }),
    is_low_balance_default: z.boolean(),
    grants: z
      .array(CreditGrant)
      .meta({ description: 'Grants that are not used up, in the order in which they are used.' }),
  })
  .meta({ id: 'Credits' })

export const CreditLedgerRow = z
  .object({
    id: z.uuid(),
    grant_id: z.uuid(),
    kind: z.enum(CREDIT_KINDS),
    amount: usd.meta({ description: 'Above 0 adds to the balance.' }),
    source: z.enum(CREDIT_SOURCES).meta({ description: 'Of the grant.' }),
    reason: z.string().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'CreditLedgerRow' })

export const CreditLedgerRowList = listSchema(CreditLedgerRow)
export const CreditsQuery = z.strictObject({ ...organizationRef })
export const CreditLedgerQuery = pageQuery.extend({ ...organizationRef })

export const LowBalance = z
  .strictObject({
    ...organizationRef,
    low_balance: positiveUsd.nullable().meta({ description: 'Null for 20 % of the latest grant.' }),
  })
  .meta({ example: { low_balance: '5.00' } })
