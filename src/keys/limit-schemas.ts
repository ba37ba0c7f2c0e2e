/** Schemas for the named limits of keys and of organizations, in requests and in answers. */
import * as z from 'zod'
import { METER_SLUG, toMeterName, toSlug } from '../db/schema/meter-names.ts'
import { LIMIT_METERS, type LimitMeter, type NamedLimit } from '../db/schema/shapes.ts'
import { anyAmount, limitInput } from '../http/amounts.ts'
import { timestamp } from '../http/fields.ts'
import { CALENDAR_PERIODS } from '../lib/calendar.ts'
import { CREDITS } from '../limits/credits/credits.ts'
import { formatAmount } from '../limits/meters/units.ts'

const MAX_LIMITS = 10
const MAX_REQUESTS = 1_000_000_000
const MAX_UNITS = 1_000_000_000_000
const MAX_WINDOW_SECONDS = 2_678_400

const limitName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,49}$/,
    'must be lower-case letters, digits, hyphens and underscores, begin with a letter, and have at most 50',
  )
  .refine((name) => !RESERVED.has(name), 'is reserved')

/** `credits` is the name in refusals by an organization's balance, and of its holds. */
const RESERVED = new Set(['ratelimit', 'max_concurrent', CREDITS])

const fields = {
  meter: z
    .string()
    .regex(METER_SLUG, 'must be the name of a meter')
    .meta({
      description: `What the limit counts. \`requests\` by default: the units that verifications take. Or ${LIMIT_METERS.slice(1).join(', ')}, or the slug of a counter of your own: these count reserved and reported units; \`api_calls\` and your own counters also the units that verifications take.`,
    }),
  window_seconds: z
    .int()
    .min(1)
    .max(MAX_WINDOW_SECONDS)
    .meta({ description: 'How long a unit counts, up to 31 days. Either this or `period`.' }),
  period: z
    .enum(CALENDAR_PERIODS)
    .meta({ description: 'A calendar period in UTC, at the end of which the limit resets. Weeks begin on Monday.' }),
  cost: z.int().min(0).max(1_000_000).meta({
    description:
      'Only for `requests`: the units that a verification takes, 1 by default. With 0, only verifications that name the limit take units.',
  }),
}

const ofAny = {
  name: limitName,
  meter: fields.meter.optional(),
  limit: z
    .custom<number | string>((value) => typeof value === 'number' || typeof value === 'string', 'must be a number')
    .meta({
      type: ['number', 'string'],
      description: 'The maximum, as a whole number. For `cost_usd`, US dollars as a decimal string or a number.',
    }),
  window_seconds: fields.window_seconds.optional(),
  period: fields.period.optional(),
  cost: fields.cost.optional(),
}

const rawLimit = z.strictObject({
  ...ofAny,
  per: z
    .enum(['key', 'subject'])
    .optional()
    .meta({ description: '`subject`: each subject has this limit to itself. `key` by default.' }),
})

const rawOrganizationLimit = z.strictObject({
  ...ofAny,
  per: z
    .enum(['organization', 'subject'], {
      error: 'must be `organization` or `subject`; limits of each key are `key_limits` of a plan',
    })
    .optional()
    .meta({
      description: '`subject`: each subject has this limit to itself, across all keys. `organization` by default.',
    }),
})

/** A limit in a request, as it is stored. */
const NewLimit = rawLimit.transform(toStored).meta({
  id: 'NewNamedLimit',
  example: { name: 'reports', limit: 100, window_seconds: 86_400, cost: 1 },
})

/** The same of an organization. */
const NewOrganizationLimit = rawOrganizationLimit.transform(toStored).meta({
  id: 'NewOrganizationLimit',
  example: { name: 'budget', meter: 'cost_usd', limit: '500.00', period: 'day' },
})

type Given = z.output<typeof rawLimit> | z.output<typeof rawOrganizationLimit>

function toStored(given: Given, context: z.RefinementCtx): NamedLimit {
  const { name, meter, window_seconds, period, per, cost } = given
  const amount = amountSchema(meter).safeParse(given.limit)
  for (const [path, message] of [...findFlaws(given), ...describeAmount(amount)])
    context.issues.push({ code: 'custom', path: [path], message, input: given })
  const common = { name, limit: amount.data ?? 0, ...(per === 'subject' && { per }) }
  const span = { ...(window_seconds !== undefined && { window_seconds }), ...(period !== undefined && { period }) }
  if (meter === undefined || meter === 'requests') return { ...common, ...span, cost: cost ?? 1 }
  return { ...common, ...span, meter: isBuiltIn(meter) ? meter : toMeterName(meter), cost: 0 }
}

const isOfRequests = (meter: Given['meter']): boolean => meter === undefined || meter === 'requests'

const isBuiltIn = (meter: string): meter is Exclude<LimitMeter, 'requests'> =>
  (LIMIT_METERS as readonly string[]).includes(meter)

type Flaw = readonly [path: string, message: string]

function findFlaws({ window_seconds, period, meter, cost }: Given): Flaw[] {
  const flaws: Flaw[] = []
  if (window_seconds === undefined && period === undefined)
    flaws.push(['window_seconds', 'must be given, or `period` instead of it'])
  if (window_seconds !== undefined && period !== undefined)
    flaws.push(['period', 'must not come with `window_seconds`: a limit has one of the two'])
  if (!isOfRequests(meter) && cost !== undefined) flaws.push(['cost', 'is for limits of `requests` alone'])
  return flaws
}

const describeAmount = ({ error }: z.ZodSafeParseResult<number>): Flaw[] =>
  error ? [['limit', error.issues[0]?.message ?? 'must be a number']] : []

const wholeRequests = z.int().min(1).max(MAX_REQUESTS)
const wholeUnits = z.int().min(1).max(MAX_UNITS)
/** An amount of a custom meter, whose decimals are checked against the catalog. */
const amount = z.number().positive().max(MAX_UNITS)
const dollars = limitInput('cost_usd').refine((amount) => amount > 0, 'must be more than 0')

function amountSchema(meter = 'requests'): z.ZodType<number> {
  if (meter === 'cost_usd') return dollars
  if (meter === 'requests') return wholeRequests
  return isBuiltIn(meter) ? wholeUnits : amount
}

const haveDifferentNames = (limits: readonly NamedLimit[]) =>
  new Set(limits.map(({ name }) => name)).size === limits.length
const SAME_NAMES = 'must have different names'

export const newLimits = z.array(NewLimit).max(MAX_LIMITS).refine(haveDifferentNames, SAME_NAMES).meta({
  description:
    'Limits in addition to the rate limit. They are checked together with it: either all of them take units, or none does.',
})

export const newOrganizationLimits = z
  .array(NewOrganizationLimit)
  .max(MAX_LIMITS)
  .refine(haveDifferentNames, SAME_NAMES)

/** A limit in a response. */
export const NamedLimitBody = z
  .object({
    name: z.string(),
    meter: fields.meter.optional(),
    limit: anyAmount,
    window_seconds: fields.window_seconds.optional(),
    period: fields.period.optional(),
    per: z.enum(['key', 'subject']).optional(),
    cost: fields.cost.optional(),
  })
  .meta({ id: 'NamedLimit', example: { name: 'reports', limit: 100, window_seconds: 86_400, cost: 1 } })

/** A stored limit in its wire form. */
export function describeNamedLimit(stored: NamedLimit): z.output<typeof NamedLimitBody> {
  const { cost, limit, meter, scale: _scale, ...rest } = stored
  if (meter === undefined) return { ...rest, limit, cost }
  return { ...rest, meter: toSlug(meter), limit: meter === 'cost_usd' ? formatAmount(meter, limit) : limit }
}

/** The remaining units of a limit. */
export const LimitReading = z
  .object({
    limit: anyAmount,
    remaining: anyAmount,
    resets_at: timestamp.nullable().meta({
      description: 'When all units are available again, or when a refused cost will fit. Null if it never will.',
    }),
    meter: z.string().optional().meta({ description: 'What it counts; absent for a rolling window of requests.' }),
    held: anyAmount.optional().meta({ description: 'With `meter`: units that are reserved and not settled yet.' }),
  })
  .meta({ id: 'LimitReading' })

export const maxConcurrent = z.int().min(1).max(5_000).meta({
  description: 'The maximum number of open reservations. Each counts as one, whatever it holds.',
})
