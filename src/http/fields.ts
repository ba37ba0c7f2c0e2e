/** Fields that several schemas share. */
import * as z from 'zod'
import { parseEmailAddress } from '../lib/email-address.ts'
import { recordSchema } from './text-field.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: it must match them
const CONTROL = /[\u0000-\u001f\u007f]/

/**
 * One line of text that a person wrote: trimmed, not empty, without control characters, which can forge lines and
 * headers.
 */
export function line(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !CONTROL.test(text), 'must not contain control characters')
    .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')
}

export const uuid = z.uuid().transform((id) => id.toLowerCase())

/** The operator's own id of a customer: opaque, compared byte for byte. */
export const externalId = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !CONTROL.test(text), 'must not hold control characters')
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')
  .meta({ description: "The operator's own id of the organization.", example: 'customer-42' })

/** In a path, what follows is the operator's own id of the organization: `external_id:customer-42`. */
export const EXTERNAL_ID_PREFIX = 'external_id:'

/** An organization in a path. The guard resolves it. */
export const organizationInPath = z
  .union([uuid, z.string().startsWith(EXTERNAL_ID_PREFIX)])
  .meta({ description: "Its id, or `external_id:` and the operator's own id of it.", type: 'string' })

/** The filter that narrows a list of the whole deployment to one organization. */
export const organizationFilter = {
  organization_id: uuid.optional().meta({ description: 'Only of this organization.' }),
  external_id: externalId
    .optional()
    .meta({ description: "Only of this organization, by the operator's own id of it." }),
}

/** How a request names the organization it is about: by one of these, or by both if they agree. */
export const organizationRef = {
  organization_id: uuid.optional().meta({ description: 'Defaults to the active organization.' }),
  external_id: externalId
    .optional()
    .meta({ description: "Alternative to `organization_id`: the operator's own id of the organization." }),
}

/** Normalized to one form (lib/email-address.ts), so that the address at login matches the one at registration. */
export const email = z
  .string()
  .max(1_000)
  .transform((text, context) => {
    const address = parseEmailAddress(text)
    if (address !== undefined) return address
    context.issues.push({ code: 'custom', message: 'must be an email address', input: text })
    return z.NEVER
  })
  .meta({ type: 'string', format: 'email' })

/** RFC 3339 with any offset: `Z`, `+00:00`, `-05:30`. Postgres has no year 0, and no real date is before 1970. */
export const timestamp = z.iso
  .datetime({ offset: true })
  .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a valid date and time')
  .refine((text) => text >= '1970', 'must be 1970 or later')
  .refine((text) => !(Date.parse(text) >= Date.UTC(9999, 11, 31)), 'must be before the end of 9999')

/** The query parameters of every list. `limit` arrives as text; only digits are accepted. */
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(50)
    .meta({ type: 'integer', minimum: 1, maximum: 100, default: 50 }),
  cursor: z.string().min(1).max(200).optional(),
})

/** A page of items; the OpenAPI document names it after the item, such as `ApiKeyList`. */
export function listSchema<T extends z.ZodType>(item: T) {
  const list = z.object({ data: z.array(item), next_cursor: z.string().nullable() })
  const id = item.meta()?.id
  return id ? list.meta({ id: `${id}List` }) : list
}

/** NUL and lone surrogates, as JSON writes them. Postgres stores neither in `jsonb`. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

/** A caller's own data about an object, stored unchanged. */
export const metadata = recordSchema(z.string().max(100), z.unknown())
  .refine((value) => JSON.stringify(value).length <= 4_000, 'must not be larger than 4,000 characters as JSON')
  .refine((value) => !UNSTORABLE.test(JSON.stringify(value)), 'must not contain NUL or a lone surrogate')

/** How long the name of a role may be. */
const MAX_ROLE_NAME = 40

export const roleName = z
  .string()
  .max(MAX_ROLE_NAME)
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'must be lower-case letters and digits, with single hyphens between them')
  .meta({
    description: "`viewer`, `member`, `admin`, `owner`, or the name of one of the organization's own roles.",
    example: 'member',
  })
