import * as z from 'zod'
import { isReservedName, MAX_SCALE, METER_SLUG } from '../../db/schema/meter-names.ts'
import { line, listSchema, timestamp } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'

const slug = z
  .string()
  .regex(METER_SLUG, 'must be lower-case letters, digits and underscores, begin with a letter, and have at most 40')
  .refine((name) => !isReservedName(name), 'is a name that Tollgate itself uses')
  .meta({ description: 'What requests and answers call it; it never changes.', example: 'images' })

const descriptive = {
  name: line(100).meta({ description: 'As people read it.', example: 'Images' }),
  unit: line(40).meta({ description: 'The name of its unit, in the plural.', example: 'images' }),
}

const kind = z.enum(['counter', 'gauge']).meta({
  description:
    '`counter` adds up and starts at zero in each period. `gauge` is a level, whose latest reading counts. Cannot be changed later.',
})

export const NewMeter = z
  .strictObject({
    slug,
    ...descriptive,
    kind,
    scale: z
      .int()
      .min(0)
      .max(MAX_SCALE)
      .default(0)
      .meta({ description: 'How many decimals its amounts may have. Cannot be changed later.' }),
  })
  .meta({ example: { slug: 'images', name: 'Images', unit: 'images', kind: 'counter' } })

export const MeterChanges = z.strictObject(descriptive).partial()

/** Any text: an invalid slug gets the same answer as an unknown one. */
export const MeterParams = z.strictObject({ slug: text(200).meta({ example: 'images' }) })

export const Meter = z
  .object({
    slug: z.string().meta({ example: 'images' }),
    ...descriptive,
    kind,
    scale: z.int().min(0),
    is_builtin: z
      .boolean()
      .meta({ description: 'Whether it is part of Tollgate and can be neither changed nor deleted.' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Meter' })

export const MeterList = listSchema(Meter)
