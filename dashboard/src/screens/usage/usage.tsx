import { useState } from 'react'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { Breakdown } from './breakdown.tsx'
import { ExportDialog } from './export.tsx'
import { DIMENSIONS, listMeasures, toDimension, toMeasure } from './measures.ts'
import { useOwnMeters } from './own-meters.ts'
import { fitInterval, intervalOptions } from './range.ts'
import { RangeFilters } from './range-filters.tsx'
import { OpenReservations } from './reservations.tsx'
import { SeriesCard } from './series-card.tsx'
import { Subjects } from './subjects.tsx'
import { Totals } from './totals.tsx'
import { RANGE_STATE, useRange } from './use-range.ts'
import { zoneOptions } from './zones.ts'

const DEFAULTS = { ...RANGE_STATE, interval: '', measure: 'requests', by: '', rows: '10' }
const ROWS = new Set(['10', '25', '100'])

export function Usage() {
  const [state, change] = useSearchState(DEFAULTS)
  const [isExporting, setIsExporting] = useState(false)
  const mayExport = useMay('usage:events')
  const { zone, span } = useRange(state)
  const interval = fitInterval(span, state.interval)
  const own = useOwnMeters()
  const measure = toMeasure(state.measure, own)
  const by = toDimension(state.by)
  return (
    <Page
      title="Usage"
      intro="What your keys were used for. Figures are compared with the preceding period of the same length."
      actions={mayExport && <Button onClick={() => setIsExporting(true)}>Export usage</Button>}
    >
      <Filters>
        <RangeFilters state={state} zone={zone} onChange={change} />
        <FilterSelect
          label="Interval"
          value={interval}
          options={intervalOptions(span)}
          onChange={(one) => change({ interval: one })}
        />
        <FilterSelect
          label="Measure"
          value={measure}
          options={listMeasures(own)}
          onChange={(one) => change({ measure: one })}
        />
        <FilterSelect
          label="Group by"
          value={by ?? ''}
          options={[['', 'Nothing'], ...DIMENSIONS]}
          onChange={(one) => change({ by: one })}
        />
        <FilterSelect
          label="Time zone"
          value={state.tz}
          options={zoneOptions(state.tz)}
          onChange={(tz) => change({ tz })}
        />
      </Filters>
      <Totals span={span} />
      <SeriesCard span={span} interval={interval} zone={zone} measure={measure} by={by} own={own} />
      <Breakdown
        span={span}
        by={by ?? 'endpoint'}
        measure={measure}
        own={own}
        limit={ROWS.has(state.rows) ? state.rows : '10'}
        onLimit={(rows) => change({ rows })}
      />
      {mayExport && <Subjects span={span} measure={measure} own={own} />}
      <OpenReservations />
      {mayExport && <ExportDialog open={isExporting} onClose={() => setIsExporting(false)} span={span} />}
    </Page>
  )
}
