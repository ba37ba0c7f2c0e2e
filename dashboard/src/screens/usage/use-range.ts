import { useMemo } from 'react'
import { type Span, toSpan } from './range.ts'
import { LOCAL_ZONE } from './zones.ts'

/** What the address says of the span, and its default: the last 30 days in the browser's time zone. */
export const RANGE_STATE = { range: '30d', from: '', to: '', tz: '' }

export interface RangeState extends Readonly<Record<string, string>> {
  readonly range: string
  readonly from: string
  readonly to: string
  readonly tz: string
}

interface Range {
  readonly zone: string
  readonly span: Span
}

/** @returns the span that is asked for; it stays the same until the choice changes */
export function useRange({ range, from, to, tz }: RangeState): Range {
  const zone = isZone(tz) ? tz : LOCAL_ZONE
  const span = useMemo(() => toSpan({ range, zone, from, to }), [range, zone, from, to])
  return { zone, span }
}

function isZone(name: string): boolean {
  try {
    return name !== '' && Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }))
  } catch {
    return false
  }
}
