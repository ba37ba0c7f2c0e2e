import { useRead } from '../../api/hooks.ts'
import type { KeyUsageDataItem } from '../../api/types.ts'
import type { Series } from '../../charts/bars.tsx'
import { countSucceeded } from '../usage/measures.ts'

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** What became of requests, in the order in which bars are stacked. Told apart by name as well as by color. */
const LOOKS = [
  ['succeeded', 'Succeeded', 1],
  ['limited', 'Limited', 2],
  ['refused', 'Refused', 6],
  ['failed', 'Failed', 'bad'],
] as const

type Outcome = (typeof LOOKS)[number][0]

const toSeries = (values: Readonly<Record<Outcome, readonly number[]>>): Series[] =>
  LOOKS.map(([key, name, color]) => ({ name, color, values: values[key] }))

/** What became of an organization's requests on each of some days: errors with a status, less those that are a refusal. */
export function useDailyOutcomes(from: string) {
  const query = { from, interval: 'day', tz: ZONE } as const
  const all = useRead('GET /usage/timeseries', { query })
  const limited = useRead('GET /usage/timeseries', { query: { ...query, status: '429' } })
  const unknown = useRead('GET /usage/timeseries', { query: { ...query, status: '401' } })
  const forbidden = useRead('GET /usage/timeseries', { query: { ...query, status: '403' } })
  const reads = [all, limited, unknown, forbidden]
  const error = reads.find((read) => read.error)?.error ?? null
  const refetch = () => reads.map((read) => read.refetch())
  if (!all.data || !limited.data || !unknown.data || !forbidden.data) return { error, refetch }
  const errors = (read: typeof all, at: number) => read.data?.data[at]?.errors ?? 0
  const days = all.data.data.map((day, at) => {
    const [over, no] = [errors(limited, at), errors(unknown, at) + errors(forbidden, at)]
    return {
      succeeded: countSucceeded(day),
      limited: over,
      refused: no,
      failed: day.errors - over - no,
    }
  })
  const list = (name: Outcome) => days.map((day) => Math.max(0, day[name]))
  return {
    error,
    refetch,
    labels: all.data.data.map(({ bucket }) => dayLabel(`${bucket}T12:00:00Z`, 'UTC')),
    series: toSeries({
      succeeded: list('succeeded'),
      limited: list('limited'),
      refused: list('refused'),
      failed: list('failed'),
    }),
  }
}

const dayLabel = (at: string | number, timeZone = ZONE): string =>
  new Date(at).toLocaleDateString('en-US', { month: 'short', day: 'numeric', timeZone })

const hourLabel = (at: number): string =>
  new Date(at).toLocaleString('en-US', { month: 'short', day: 'numeric', hour: 'numeric' })

const HOUR_MS = 3_600_000

/** The hours of one key as bars: each hour, or the days of this browser's time zone. */
export function foldHours(from: string, usage: KeyUsageDataItem, by: 'hour' | 'day') {
  const start = Date.parse(from)
  const labels: string[] = []
  const sums: Record<Outcome, number[]> = { succeeded: [], limited: [], refused: [], failed: [] }
  for (let at = 0; at < usage.succeeded.length; at++) {
    const label = (by === 'hour' ? hourLabel : dayLabel)(start + at * HOUR_MS)
    if (labels.at(-1) !== label) labels.push(label)
    for (const [name] of LOOKS) {
      const list = sums[name]
      list[labels.length - 1] = (list[labels.length - 1] ?? 0) + (usage[name][at] ?? 0)
    }
  }
  return { labels, series: toSeries(sums) }
}

/** Midnight of this browser's time zone, some days ago. It is the same for a whole day, so that answers are kept. */
export function daysAgo(days: number): string {
  const at = new Date()
  at.setHours(0, 0, 0, 0)
  at.setDate(at.getDate() - days)
  return at.toISOString()
}
