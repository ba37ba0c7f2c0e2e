/**
 * Prometheus' text format, version 0.0.4
 * (https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md). Pure.
 */
import { COUNTERS, HISTOGRAMS } from './kinds.ts'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Sample {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly value: number
  /** `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

/** Families without samples are left out: absent is not zero. */
export function render(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map((sample) => renderSample(name, sample))
      return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
    })
    .join('')
}

function renderSample(name: string, { labels = {}, value, suffix = '' }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${renderValue(value)}`
}

const renderValue = (value: number) => (Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf')

const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"')

type Values = Readonly<Record<string, number>>

/** @param values of all isolates, by the keys of `snapshot` in count.ts; absent values are zero */
export function describeCounters(values: Values): Family[] {
  return [
    ...Object.entries(COUNTERS).map(
      ([key, { name, help, label, values: labels }]): Family => ({
        name,
        help,
        type: 'counter',
        samples: labels.map((one) => ({ labels: toLabels(label, one), value: values[`${key}|${one}`] ?? 0 })),
      }),
    ),
    ...Object.entries(HISTOGRAMS).map(
      ([key, { name, help, label, values: labels, bounds }]): Family => ({
        name,
        help,
        type: 'histogram',
        samples: labels.flatMap((one) => describeHistogram(values, `${key}|${one}`, toLabels(label, one), bounds)),
      }),
    ),
  ]
}

const toLabels = (label: string, value: string): Record<string, string> => (label === '' ? {} : { [label]: value })

/** Buckets are cumulative on the wire. */
function describeHistogram(
  values: Values,
  key: string,
  labels: Record<string, string>,
  bounds: readonly number[],
): Sample[] {
  let total = 0
  const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, at): Sample => {
    total += values[`${key}|${at}`] ?? 0
    return { suffix: '_bucket', labels: { ...labels, le: renderValue(bound) }, value: total }
  })
  return [
    ...buckets,
    { suffix: '_sum', labels, value: values[`${key}|sum`] ?? 0 },
    { suffix: '_count', labels, value: total },
  ]
}
