/** Reads third-party JSON leniently: we cannot require a shape. Pure. */

export type Json = Readonly<Record<string, unknown>>

/** @returns `undefined` if it is not a JSON object */
export function parseObject(text: string): Json | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
}

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
export const asText = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** @returns `undefined` if it is not a token count */
export function asCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
