import { useRead } from '../../api/hooks.ts'
import { Bars, type Series } from '../../charts/bars.tsx'
import { Card } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { countSucceeded, formatTick, type Measure, measureName, measureValue } from '../usage/measures.ts'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { bucketName, readRange } from './range.ts'

interface UsageChartProps {
  readonly range: string
  readonly measure?: Measure
  readonly filter?: { readonly organization_id?: string; readonly plan?: string }
}

const EACH = { hour: 'per hour', day: 'per day', month: 'per month' } as const

/** Usage over time. Requests are told apart by their outcome. */
export function UsageChart({ range, measure: name = 'requests', filter = {} }: UsageChartProps) {
  const { from, interval } = readRange(range)
  const own = useMetersOfAll()
  const { data, error, refetch } = useRead('GET /admin/usage/timeseries', { query: { ...filter, from, interval } })
  if (error && !data)
    return (
      <Card>
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Card>
    )
  if (!data)
    return (
      <Card>
        <Skeleton lines={1} height="h-64" />
      </Card>
    )
  const points = data.data
  const values = (one: Measure) => points.map((point) => measureValue(point, one))
  const series: Series[] =
    name === 'requests'
      ? [
          { name: 'Succeeded', color: 1, values: points.map(countSucceeded) },
          { name: 'Errors', color: 'bad', values: values('errors') },
        ]
      : [{ name: measureName(name, own), color: name === 'errors' ? 'bad' : 1, values: values(name) }]
  const outcome = name === 'requests' ? ', by outcome' : ''
  return (
    <Card>
      <Bars
        title={`${measureName(name, own)} ${EACH[data.interval]}${outcome} (UTC)`}
        labels={points.map((point) => bucketName(point.from, data.interval))}
        series={series}
        format={formatTick(name)}
      />
    </Card>
  )
}
