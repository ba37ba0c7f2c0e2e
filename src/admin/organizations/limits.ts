import type * as z from 'zod'
import type { QuotaOverrides } from '../schemas.ts'

type Limits = z.output<typeof QuotaOverrides>

/** An organization's own limits after a change: null returns to the plan's. */
export function withoutNulls(limits: Limits) {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== null && limit !== undefined)) as {
    readonly [Name in keyof Limits]?: Exclude<Limits[Name], null | undefined>
  }
}
