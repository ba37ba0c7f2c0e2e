import { Bars } from '../../charts/bars.tsx'
import { Card } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { dimensionName, formatMeasure, formatTick, measureName } from './measures.ts'
import { bucketLabel, lengthInDays } from './range.ts'
import { type SeriesQuestion, useSeries } from './use-series.ts'

const PER = { hour: 'per hour', day: 'per day', month: 'per month' } as const

/** A measure over time, by a dimension or by what it consists of. */
export function SeriesCard(question: SeriesQuestion) {
  const { span, interval, measure, own = {} } = question
  const { buckets, series, error, refetch } = useSeries(question)
  return (
    <Card>
      {error && !buckets && <ErrorNotice error={error} onRetry={refetch} />}
      {!error && !buckets && <Skeleton lines={1} height="h-66" />}
      {buckets && (
        <Bars
          title={`${measureName(measure, own)} ${PER[interval]}${byName(question)}`}
          labels={buckets.map(({ bucket }) => bucketLabel(bucket, interval, lengthInDays(span) < 1.1))}
          series={series}
          format={formatMeasure(measure)}
          formatTick={formatTick(measure)}
        />
      )}
    </Card>
  )
}

function byName({ by, measure }: SeriesQuestion): string {
  if (by) return `, by ${by === 'key' ? 'API key' : dimensionName(by).toLowerCase()}`
  if (measure === 'requests') return ', by outcome'
  return measure === 'tokens' ? ', by kind' : ''
}
