import { FilterDay, FilterSelect } from '../../ui/filters.tsx'
import { RANGES } from './range.ts'
import type { RangeState } from './use-range.ts'
import { addDays, dayIn } from './zones.ts'

interface RangeFiltersProps {
  readonly state: RangeState
  readonly zone: string
  readonly onChange: (change: Partial<RangeState>) => void
}

/** The choice of a span, and the two days of one's own. */
export function RangeFilters({ state, zone, onChange }: RangeFiltersProps) {
  const today = dayIn(Date.now(), zone)
  const from = state.from || addDays(today, -29)
  const to = state.to || today
  return (
    <>
      <FilterSelect label="Range" value={state.range} options={RANGES} onChange={(range) => onChange({ range })} />
      {state.range === 'custom' && (
        <>
          <FilterDay
            label="From"
            value={from}
            onChange={(day) => day && onChange({ from: day, to: clampEnd(day, day > to ? day : to, today) })}
          />
          <FilterDay
            label="Until"
            value={to}
            onChange={(day) => day && onChange({ to: day, from: clampStart(day < from ? day : from, day) })}
          />
        </>
      )}
    </>
  )
}

/** What one question may ask for. */
const MAX_DAYS = 398

function clampEnd(from: string, to: string, today: string): string {
  const last = addDays(from, MAX_DAYS)
  const end = to > last ? last : to
  return end > today ? today : end
}

function clampStart(from: string, to: string): string {
  const first = addDays(to, -MAX_DAYS)
  return from < first ? first : from
}
