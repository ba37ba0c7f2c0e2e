import { useQueries } from '@tanstack/react-query'
import { call } from '../../api/client.ts'
import { useRead } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import type { UsageBreakdown, UsageTimeseries } from '../../api/types.ts'
import type { Series } from '../../charts/bars.tsx'
import {
  countSucceeded,
  type Dimension,
  filterOf,
  groupName,
  type Measure,
  measureName,
  measureValue,
  type Sums,
  smallestOf,
} from './measures.ts'
import type { OwnMeters } from './meters.ts'
import type { Interval, Span } from './range.ts'

/** Groups with a series of their own; the chart has one more color, for all others. */
const MAX_GROUPS = 5

export interface SeriesQuestion {
  readonly span: Span
  readonly interval: Interval
  readonly zone: string
  readonly measure: Measure
  readonly by: Dimension | undefined
  /** The operator's meters, where the measure may be one. */
  readonly own?: OwnMeters
}

interface Answered {
  readonly buckets: UsageTimeseries['data'] | undefined
  readonly series: readonly Series[]
  readonly error: ApiError | null
  readonly refetch: () => void
}

/** A time series, cut by a dimension's largest groups. */
export function useSeries(question: SeriesQuestion): Answered {
  const { measure, by, own = {} } = question
  const { total, breakdown, groups, parts, reads } = useAnswers(question)
  // The answer to the question before has other buckets.
  const buckets = total.isPlaceholderData ? undefined : total.data?.data
  const isComplete = !by || (breakdown.data?.by === by && parts.every(({ data }) => data))
  const error = (reads.find((read) => read.error)?.error as ApiError | undefined) ?? null
  const refetch = () => {
    for (const read of reads) if (read.error) void read.refetch()
  }
  if (!buckets || !isComplete) return { buckets: undefined, series: [], error, refetch }
  if (!by) return { buckets, series: wholeSeries(buckets, measure, own), error, refetch }
  const all = groups.map((group, at) => ({
    name: groupName(group, by),
    color: (at + 1) as Series['color'],
    values: valuesAt(buckets, parts[at]?.data?.data ?? [], measure),
  }))
  const named = all.filter(({ values }) => values.some((value) => value > 0))
  const rest =
    breakdown.data && isOnlyUnnamed(breakdown.data, groups.length) ? groupName({ value: null }, by) : 'All others'
  return { buckets, series: withOthers(named, rest, buckets, measure), error, refetch }
}

/** Whether all that has no series of its own is what has no value. */
const isOnlyUnnamed = ({ data, other }: UsageBreakdown, named: number) =>
  !other?.groups && data.length === named + 1 && data.some(({ value }) => value === null)

/** The series of everything, the largest groups, and a series of each. */
function useAnswers({ span, interval, zone, measure, by }: SeriesQuestion) {
  const query = { ...span, interval, tz: zone }
  const dimension = by ?? 'endpoint'
  const total = useRead('GET /usage/timeseries', { query })
  const breakdown = useRead(
    'GET /usage/breakdown',
    { query: { ...span, by: dimension, order: measure, limit: MAX_GROUPS + 1 } },
    { enabled: by !== undefined },
  )
  // What has no value is among all others: a series of it would need a filter that the API answers for two days only.
  const largest = by && breakdown.data?.by === by ? breakdown.data.data : []
  const groups = largest.filter(({ value }) => value !== null).slice(0, MAX_GROUPS)
  const parts = useQueries({
    queries: groups.map(({ value }) => {
      const filtered = { query: { ...query, [filterOf(dimension)]: value ?? '' } }
      return {
        queryKey: ['GET /usage/timeseries', filtered],
        queryFn: ({ signal }: { signal: AbortSignal }) => call('GET /usage/timeseries', { ...filtered, signal }),
      }
    }),
  })
  return { total, breakdown, groups, parts, reads: by ? [total, breakdown, ...parts] : [total] }
}

/** Values by bucket: the parts of a series may have been answered a moment after the whole. */
function valuesAt(buckets: UsageTimeseries['data'], part: UsageTimeseries['data'], measure: Measure): number[] {
  const values = new Map(part.map((sums) => [sums.bucket, measureValue(sums, measure)]))
  return buckets.map(({ bucket }) => values.get(bucket) ?? 0)
}

function withOthers(named: readonly Series[], name: string, buckets: readonly Sums[], measure: Measure): Series[] {
  const rest = buckets.map((sums, at) => {
    const known = named.reduce((all, { values }) => all + (values[at] ?? 0), 0)
    return Math.max(0, Number((measureValue(sums, measure) - known).toPrecision(12)))
  })
  const smallest = smallestOf(measure)
  if (named.length > 0 && rest.every((value) => value < smallest)) return [...named]
  return [...named, { name, color: 6, values: rest }]
}

/** Without a dimension, requests are cut by their outcome and tokens by their kind. */
function wholeSeries(buckets: readonly Sums[], measure: Measure, own: OwnMeters): Series[] {
  if (measure === 'requests')
    return [
      { name: 'Succeeded', color: 1, values: buckets.map(countSucceeded) },
      { name: 'Failed', color: 'bad', values: buckets.map(({ errors }) => errors) },
    ]
  if (measure === 'tokens')
    return [
      { name: 'Input', color: 1, values: buckets.map((sums) => sums.input_tokens - sums.cached_tokens) },
      { name: 'Cached input', color: 3, values: buckets.map(({ cached_tokens }) => cached_tokens) },
      { name: 'Output', color: 2, values: buckets.map(({ output_tokens }) => output_tokens) },
      ...notApart(buckets),
    ]
  return [
    {
      name: measureName(measure, own),
      color: measure === 'errors' ? 'bad' : 1,
      values: buckets.map((sums) => measureValue(sums, measure)),
    },
  ]
}

function notApart(buckets: readonly Sums[]): Series[] {
  const values = buckets.map((sums) => Math.max(0, sums.tokens - sums.input_tokens - sums.output_tokens))
  return values.some((value) => value > 0) ? [{ name: 'Unspecified', color: 6, values }] : []
}
