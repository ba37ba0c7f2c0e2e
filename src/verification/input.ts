import * as z from 'zod'
import { descriptiveText, recordSchema, text } from '../http/text-field.ts'
import { amountOfUse, subjectOfUse } from '../http/usage-fields.ts'

const scope = text(100).min(1)

/** The input of a verification. `cost` is in units of both the rate limit and the quota. */
export const VerifyInput = z.strictObject({
  key: z.string().min(1).max(256).meta({ description: 'The API key as its holder sent it.' }),
  cost: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1)
    .meta({ description: 'Units to take. 0 reads the limits and takes nothing.', example: 1 }),
  scopes: z
    .array(scope)
    .max(50)
    .default([])
    .meta({ description: 'Scopes that the key must have. It needs all of them.' }),
  limits: recordSchema(z.string().min(1).max(50), z.int().min(0).max(1_000_000))
    .optional()
    .meta({ description: "Units to take from key limits, by name, instead of each limit's usual cost." }),
  quantities: recordSchema(z.string().min(1).max(50), amountOfUse)
    .optional()
    .meta({
      description:
        'Amounts to take of your own meters, by slug: from the quota, together with the cost or not at all. Rounded half up to the decimals of the meter.',
      example: { images: 3 },
    }),
  subject: subjectOfUse
    .transform((name) => name ?? undefined)
    .optional()
    .meta({
      description:
        "Your customer's user, as any text, for limits and statistics per user. An empty text counts as none.",
    }),
  endpoint: descriptiveText(200)
    .optional()
    .meta({ description: 'What is called, for the statistics. Cut after 200 characters.', example: '/v1/answers' }),
  method: descriptiveText(10).optional(),
  ip: text(45).optional().meta({ description: "The caller's IP address. Keys with an IP allowlist require it." }),
  user_agent: descriptiveText(500).optional(),
  idempotency_key: text(255).min(1).optional().meta({
    description: 'Makes a repeated verification count once: in the usage for good, in limits and quota for a day.',
  }),
})

export type VerifyRequest = z.output<typeof VerifyInput>
