import * as z from 'zod'
import { money } from '../../http/amounts.ts'
import { timestamp } from '../../http/fields.ts'

const verifications = z.object({
  from: timestamp,
  total: z.int(),
  valid: z.int(),
  refused: z.int(),
  by_code: z
    .record(z.string(), z.int())
    .meta({ description: 'By the code of the verdict. Unknown keys belong to no organization and are not counted.' }),
})

const owed = z.object({ rows: z.int(), amount_usd: money })

const sending = z.object({
  waiting: z.int().meta({ description: 'Not sent yet, including retries.' }),
  failed_24_hours: z.int().meta({ description: 'Given up, among those created in the last 24 hours.' }),
  failed_30_days: z.int(),
})

export const Overview = z
  .object({
    generated_at: timestamp,
    customers: z
      .object({
        total: z.int(),
        suspended: z.int(),
        new_30_days: z.int(),
        by_plan: z.array(z.object({ plan: z.string(), total: z.int(), suspended: z.int() })),
      })
      .meta({ description: 'Organizations, except the platform organization.' }),
    keys: z.object({ active: z.int() }).meta({
      description: 'Keys of customers that are not suspended. Excludes revoked, disabled and expired keys.',
    }),
    verifications: z
      .object({ today: verifications, month: verifications })
      .meta({ description: 'Of the current UTC day, and of the calendar month so far.' }),
    revenue: z.object({
      per_month_cents: z.int().meta({
        description: 'In US cents: list prices of active and past due subscriptions that are paid in US dollars.',
      }),
      subscriptions: z.array(
        z.object({
          plan: z.string(),
          currency: z.string(),
          per_month_cents: z.int().meta({
            description:
              'List prices of active and past due subscriptions, with seats and add-ons. Yearly ones count as a twelfth.',
          }),
          active: z.int(),
          trialing: z.int(),
          past_due: z.int(),
        }),
      ),
      overage: z
        .object({ pending: owed, refused: owed, unknown: owed })
        .meta({ description: 'Rows of the ledger that are not sent, or whose outcome is unknown.' }),
    }),
    webhooks: sending,
    mails: sending,
    usage: z.object({
      spool: z
        .object({
          batches: z.int().meta({ description: 'Batches in Redis that are not in Postgres yet.' }),
          aside: z.int().meta({ description: 'Set aside for an operator to look at.' }),
        })
        .nullable()
        .meta({ description: 'Null while Redis does not respond.' }),
      folded_until: timestamp.meta({
        description: 'The hour from which usage of all organizations is summed on request.',
      }),
    }),
  })
  .meta({ id: 'Overview' })
