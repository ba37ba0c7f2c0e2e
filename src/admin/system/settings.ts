import { type Config, SETTINGS } from '../../config.ts'

export interface Setting {
  readonly name: string
  /** `defaulted`: not in the environment, but it has a default value. */
  readonly state: 'set' | 'missing' | 'defaulted'
  /** Why its value is refused, which disables the feature that needs it. */
  readonly fault: string | null
}

/** Lists every setting by name, and whether the environment has it. Never a value. */
export function listSettings({ given, faults }: Pick<Config, 'given' | 'faults'>): Setting[] {
  return Object.entries(SETTINGS).map(([name, schema]) => ({
    name,
    state: given.includes(name) ? 'set' : describeDefault(schema.safeParse(undefined).data),
    fault: faults.find(({ variable }) => variable === name)?.reason ?? null,
  }))
}

/** An empty text or list means none. */
const describeDefault = (value: unknown) =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0) ? 'missing' : 'defaulted'
