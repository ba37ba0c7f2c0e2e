import { Pause, Play } from 'lucide-react'
import { useList } from '../../api/hooks.ts'
import type { StoredUsageEvent } from '../../api/types.ts'
import { formatClock, formatDuration, formatMoney, formatNumber, formatUtc } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { type FilterChip, FilterChips, FilterSelect, Filters } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { useGo } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { AddFilter } from './add-filter.tsx'
import { EVENT_STATE, type EventState, FILTERS, fieldOf, filterName, toQuery, useKeyNames } from './event-filters.ts'
import { EventPanel } from './event-panel.tsx'
import { beginning, EVENT_RANGES } from './event-ranges.ts'
import { EventStatus } from './event-status.tsx'

const LIVE_MS = 3_000
const NO_FILTERS = { ...Object.fromEntries(FILTERS.map(([name]) => [fieldOf(name), ''])), outcome: '' }

export function Events() {
  const [state, change] = useSearchState<EventState>(EVENT_STATE)
  const from = beginning(state.range)
  const keyName = useKeyNames()
  const isLive = state.live === '1'
  const list = useList('GET /usage/events', { query: toQuery(state, from) }, { every: isLive && LIVE_MS })
  const chips = FILTERS.flatMap(([name]): FilterChip[] => {
    const value = state[fieldOf(name)]
    const shown = name === 'key' ? (keyName(value) ?? value) : value
    return value ? [{ name: filterName(name), value: shown, onRemove: () => change({ [fieldOf(name)]: '' }) }] : []
  })
  const clear = () => change(NO_FILTERS)
  const isFiltered = chips.length > 0 || state.outcome !== ''
  const known = list.rows?.find(({ id }) => id === state.event)
  return (
    <Page
      title="Events"
      intro="Each use of your keys, newest first."
      actions={
        <Button aria-pressed={isLive} onClick={() => change({ live: isLive ? '' : '1' })}>
          {isLive ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
          {isLive ? 'Pause live view' : 'Start live view'}
        </Button>
      }
    >
      <div className="flex flex-col gap-3">
        <Filters>
          <FilterSelect
            label="Range"
            value={state.range}
            options={EVENT_RANGES}
            onChange={(range) => change({ range })}
          />
          <FilterSelect
            label="Outcome"
            value={state.outcome}
            options={[
              ['', 'All'],
              ['failed', 'Failed only'],
            ]}
            onChange={(outcome) => change({ outcome })}
          />
          <AddFilter onAdd={(name, value) => change({ [fieldOf(name)]: value })} />
        </Filters>
        <FilterChips chips={chips} onClear={clear} />
      </div>
      {isLive && <p className="text-small text-muted">New events appear automatically, every three seconds.</p>}
      <Table
        {...listProps(list)}
        label="Events"
        columns={columns(keyName)}
        rowId={({ id }) => id}
        onOpen={({ id }) => change({ event: id })}
        empty={<NothingYet range={state.range} onWiden={() => change({ range: '35d' })} />}
        onClearFilters={isFiltered ? clear : undefined}
      />
      <EventPanel
        id={state.event}
        known={known}
        keyName={keyName(known?.key_id ?? null)}
        onFilter={(name, value) => change({ event: '', [fieldOf(name)]: value })}
        onClose={() => change({ event: '' })}
      />
    </Page>
  )
}

function NothingYet({ range, onWiden }: { readonly range: string; readonly onWiden: () => void }) {
  const go = useGo()
  const mayCreate = useMay('keys:write')
  if (range !== '35d')
    return (
      <Empty title="No events in this range" action={<Button onClick={onWiden}>Show the last 35 days</Button>}>
        Nothing has used your keys since then.
      </Empty>
    )
  return (
    <Empty
      title="No events yet"
      action={
        mayCreate && (
          <Button look="primary" onClick={() => go('/keys')}>
            Show API keys
          </Button>
        )
      }
    >
      Requests made with your keys appear here.
    </Empty>
  )
}

function columns(keyName: (id: string | null) => string | undefined): Column<StoredUsageEvent>[] {
  return [
    {
      name: 'Time',
      width: '8.5rem',
      cell: ({ occurred_at }) => (
        <time dateTime={occurred_at} title={formatUtc(occurred_at)}>
          {formatClock(occurred_at)}
        </time>
      ),
    },
    {
      name: 'Endpoint',
      width: 'minmax(0,2fr)',
      cell: ({ method, endpoint }) => (
        <span title={endpoint}>
          <span className="text-muted">{method}</span> {endpoint || '–'}
        </span>
      ),
    },
    { name: 'Status', width: '5rem', cell: (event) => <EventStatus event={event} /> },
    { name: 'API key', cell: ({ key_id }) => keyName(key_id) ?? (key_id ? `…${key_id.slice(-6)}` : '–') },
    { name: 'Model', secondary: true, cell: ({ model }) => (model ? <span title={model}>{model}</span> : '–') },
    {
      name: 'Duration',
      numeric: true,
      secondary: true,
      width: '5.5rem',
      cell: ({ response_time_ms: ms }) => (ms === null ? '–' : formatDuration(ms)),
    },
    {
      name: 'Tokens',
      numeric: true,
      width: '5rem',
      cell: ({ input_tokens, output_tokens }) => formatNumber(input_tokens + output_tokens),
    },
    {
      name: 'Cost',
      numeric: true,
      width: '6.5rem',
      cell: ({ cost_usd, model }) => (cost_usd === null ? (model ? 'No price' : '–') : formatMoney(cost_usd)),
    },
  ]
}
