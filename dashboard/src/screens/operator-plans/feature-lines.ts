import type { Plan } from '../../api/types.ts'
import { lines } from './price-lines.ts'

type Feature = Plan['features'][string]

/** Features as lines, such as `support=email`. A text that would be read as something else is in quotation marks. */
export const writeFeatures = (features: Plan['features']): string =>
  Object.entries(features)
    .map(([name, value]) => `${name}=${isPlain(value) ? String(value) : JSON.stringify(value)}`)
    .join('\n')

const isPlain = (value: Feature): boolean => !/\n/.test(String(value)) && readValue(String(value)) === value

/** A line without a value is true. */
export const readFeatures = (text: string): Plan['features'] =>
  Object.fromEntries(
    lines(text).map((line) => {
      const at = line.indexOf('=')
      return at < 0 ? [line.trim(), true] : [line.slice(0, at).trim(), readValue(line.slice(at + 1))]
    }),
  )

/** Numbers are those of JSON: `007` is a text. */
function readValue(text: string): Feature {
  const trimmed = text.trim()
  if (!/^(true|false|".*"|-?\d.*)$/.test(trimmed)) return trimmed
  try {
    const value = JSON.parse(trimmed) as Feature
    return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? trimmed : value
  } catch {
    return trimmed
  }
}
