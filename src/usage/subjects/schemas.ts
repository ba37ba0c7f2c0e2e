import * as z from 'zod'
import { FIGURES } from '../../db/schema/meters.ts'
import { externalId, organizationRef, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { order, timestampOrDay } from '../analytics/schemas.ts'
import { figureSchemas, quantitySums } from '../figure-schemas.ts'

/** Who used the API, as the operator's customer names them: opaque, compared byte for byte. */
const subject = text(128).min(1)

/** The maximum of subjects in one answer. */
const MAX_SUBJECTS = 100

/** Longer than any cursor, which contains a subject. */
const MAX_CURSOR = 1_500

export const SubjectsQuery = z.strictObject({
  from: timestampOrDay.optional().meta({ description: 'ISO 8601, or a day such as `2026-11-01`.' }),
  to: timestampOrDay.optional().meta({ description: 'The exclusive end. Defaults to now.' }),
  ...organizationRef,
  subject: subject.optional().meta({ description: 'Only this one.' }),
  order,
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_SUBJECTS)
    .default(MAX_SUBJECTS)
    .meta({ type: 'integer', minimum: 1, maximum: MAX_SUBJECTS, default: MAX_SUBJECTS }),
  cursor: z.string().min(1).max(MAX_CURSOR).optional(),
})

const share = z.number().nullable()
const sums = { requests: z.int(), errors: z.int(), ...figureSchemas(FIGURES), quantities: quantitySums }

export const Subjects = z
  .object({
    from: timestamp,
    to: timestamp,
    order: z.string(),
    data: z.array(z.object({ subject: z.string(), share, ...sums })),
    other: z
      .object({ subjects: z.int(), share, ...sums })
      .nullable()
      .meta({ description: 'The sum of all subjects that come after the listed ones.' }),
    erased: z
      .object({ share, ...sums })
      .nullable()
      .meta({ description: 'The sum of all subjects that were erased.' }),
    unnamed: z
      .object({ share, ...sums })
      .nullable()
      .meta({ description: 'Usage without a subject. Null if the request names one subject.' }),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'UsageOfSubjects' })

export const SubjectErasure = z
  .strictObject({
    subject,
    organization_id: uuid.nullish().meta({ description: 'Defaults to the active organization.' }),
    external_id: externalId.nullish().meta({ description: "Or the operator's own id of the organization." }),
  })
  .meta({ example: { subject: 'user-7', external_id: 'customer-42' } })
