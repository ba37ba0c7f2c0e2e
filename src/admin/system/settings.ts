import { type Config, SETTINGS } from '../../config.ts'

export interface Setting {
  readonly name: string
  /** `defaulted`: the environment does not give it, and it has a value all the same. */
  readonly state: 'set' | 'missing' | 'defaulted'
  /** Why it is refused, and with it the feature that needs it. */
  readonly fault: string | null
}

/** Every setting by name, and whether the environment gives it. Never a value. */
export function listSettings({ given, faults }: Pick<Config, 'given' | 'faults'>): Setting[] {
  return Object.entries(SETTINGS).map(([name, schema]) => ({
    name,
    state: given.includes(name) ? 'set' : describeDefault(schema.safeParse(undefined).data),
    fault: faults.find(({ variable }) => variable === name)?.reason ?? null,
  }))
}

/** An empty text or list stands for none. */
const describeDefault = (value: unknown) =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0) ? 'missing' : 'defaulted'
