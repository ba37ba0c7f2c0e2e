import * as z from 'zod'

type Def = z.core.$ZodTypeDef & Readonly<Record<string, unknown>>

/**
 * Finds the first object inside a schema that would accept unknown fields. A `z.record` does not count: it accepts any
 * name on purpose, as in metadata. Nor does an object with a schema for all other fields: slugs of meters are such names.
 *
 * @returns its path such as `body.events.[]`, or undefined if all objects are strict
 */
export function findLooseObject(schema: z.ZodType, path: string): string | undefined {
  const def = schema.def as unknown as Def
  if (def.type === 'object' && isLoose(def['catchall'])) return path
  for (const [name, part] of listParts(def)) {
    const found = findLooseObject(part, name ? `${path}.${name}` : path)
    if (found !== undefined) return found
  }
  return undefined
}

const isLoose = (others: unknown) =>
  others === undefined || others instanceof z.ZodUnknown || others instanceof z.ZodAny

/** The schemas directly inside one, by name. The output of a transform is not an input. */
function listParts(def: Def): [string, z.ZodType][] {
  if (def.type === 'object') {
    const { shape, catchall } = def as { shape?: Record<string, z.ZodType>; catchall?: z.ZodType }
    return Object.entries({ ...shape, ...(catchall && { '*': catchall }) })
  }
  if (def.type === 'array') return [['[]', def['element'] as z.ZodType]]
  if (def.type === 'record') return [['*', def['valueType'] as z.ZodType]]
  if (def.type === 'pipe') return [['', def['in'] as z.ZodType]]
  if (def.type === 'union') return (def['options'] as z.ZodType[]).map((option) => ['', option])
  if (def.type === 'tuple') return (def['items'] as z.ZodType[]).map((item, at) => [String(at), item])
  if (def.type === 'intersection')
    return [
      ['', def['left'] as z.ZodType],
      ['', def['right'] as z.ZodType],
    ]
  return def['innerType'] instanceof z.ZodType ? [['', def['innerType']]] : []
}
