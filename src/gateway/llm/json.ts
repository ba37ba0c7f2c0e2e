/** Reading what others wrote, whose form is not ours to demand. Pure. */

export type Json = Readonly<Record<string, unknown>>

/** @returns `undefined` for what is no JSON object */
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

/** @returns `undefined` for what is no count of tokens */
export function asCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
