/**
 * What this isolate has counted since it began: plain numbers in memory. The hot path only increments; `flush.ts` writes
 * them to Postgres alongside a batch of usage.
 */
import {
  COUNTERS,
  type CounterLabel,
  type CounterName,
  HISTOGRAMS,
  type HistogramLabel,
  type HistogramName,
} from './kinds.ts'

/** Counts by label. */
type Counts = Record<string, number>

interface Histogram {
  /** The number of values in each bucket, not cumulative; the last bucket is above all bounds. */
  readonly buckets: number[]
  sum: number
}

const counters = Object.fromEntries(
  Object.entries(COUNTERS).map(([name, { values }]): [string, Counts] => [
    name,
    Object.fromEntries(values.map((value) => [value, 0])),
  ]),
) as Record<CounterName, Counts>

const histograms = Object.fromEntries(
  Object.entries(HISTOGRAMS).map(([name, { values, bounds }]) => [
    name,
    Object.fromEntries(
      values.map((value): [string, Histogram] => [
        value,
        { buckets: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 },
      ]),
    ),
  ]),
) as Record<HistogramName, Record<string, Histogram>>

export function count<Name extends CounterName>(name: Name, label: CounterLabel<Name>, by = 1): void {
  const counts: Counts = counters[name]
  counts[label] = (counts[label] ?? 0) + by
}

/** @param value in the unit of the histogram's name */
export function observe<Name extends HistogramName>(name: Name, label: HistogramLabel<Name>, value: number): void {
  const histogram = histograms[name][label] as Histogram
  const bounds: readonly number[] = HISTOGRAMS[name].bounds
  let at = 0
  while (at < bounds.length && value > (bounds[at] as number)) at++
  histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1
  histogram.sum += value
}

/** All values except zeros, by `name|label` for counters, `name|label|bucket` and `name|label|sum` for histograms. */
export function snapshot(): Readonly<Record<string, number>> {
  const values: Record<string, number> = {}
  const keep = (key: string, value: number) => {
    if (value !== 0) values[key] = value
  }
  for (const [name, counts] of Object.entries(counters))
    for (const [label, value] of Object.entries(counts)) keep(`${name}|${label}`, value)
  for (const [name, labels] of Object.entries(histograms))
    for (const [label, { buckets, sum }] of Object.entries(labels)) {
      buckets.forEach((value, at) => {
        keep(`${name}|${label}|${at}`, value)
      })
      keep(`${name}|${label}|sum`, sum)
    }
  return values
}
