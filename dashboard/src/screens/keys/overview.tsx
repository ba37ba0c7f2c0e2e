import { Suspense, useMemo } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { Quotas } from '../../api/types.ts'
import { Bars } from '../../charts/bars.tsx'
import { formatName, formatNumber } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Badge } from '../../ui/badge.tsx'
import { buttonClass } from '../../ui/button.tsx'
import { Card, Columns, Page, Section } from '../../ui/layout.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Alerts } from '../usage/alerts.tsx'
import { MeterCard } from '../usage/limits.tsx'
import { listMeters } from '../usage/meters.ts'
import { Totals } from '../usage/totals.tsx'
import { JoinOffers } from './join-offers.tsx'
import { daysAgo, useDailyOutcomes } from './outcomes.ts'

/** Seen until the first request alone. */
const FirstSteps = lazyPart(async () => (await import('./onboarding.tsx')).FirstSteps)

const DAYS = 30

export function Overview() {
  const from = useMemo(() => daysAgo(DAYS - 1), [])
  const quotas = useRead('GET /quotas')
  const summary = useRead('GET /usage/summary', { query: { from } })
  const mayCreate = useMay('keys:write')
  const isNew = summary.data?.totals.requests === 0 && summary.data.previous.totals.requests === 0
  return (
    <Page
      title="Overview"
      state={quotas.data && <Badge>{formatName(quotas.data.plan)}</Badge>}
      intro={isNew ? 'No usage yet. Make your first request in three steps.' : `The last ${DAYS} days.`}
      actions={
        mayCreate && (
          <Link to="/keys/new" className={buttonClass(isNew ? 'secondary' : 'primary')}>
            Create key
          </Link>
        )
      }
    >
      <JoinOffers />
      {isNew && (
        <Suspense>
          <FirstSteps />
        </Suspense>
      )}
      {!isNew && <Totals span={{ from }} />}
      {!isNew && <Outcomes from={from} />}
      <QuotaCards quotas={quotas.data} />
      {quotas.error && !quotas.data && <ErrorNotice error={quotas.error} onRetry={() => void quotas.refetch()} />}
      {!isNew && <Alerts />}
    </Page>
  )
}

function Outcomes({ from }: { readonly from: string }) {
  const outcomes = useDailyOutcomes(from)
  return (
    <Card>
      {outcomes.labels ? (
        <Bars
          title="Requests per day, by outcome"
          labels={outcomes.labels}
          series={outcomes.series}
          format={formatNumber}
        />
      ) : outcomes.error ? (
        <ErrorNotice error={outcomes.error} onRetry={outcomes.refetch} />
      ) : (
        <Skeleton lines={1} height="h-64" />
      )}
    </Card>
  )
}

/** Quotas of what is counted over a period, and has a limit. */
const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd'] as const

const isShown = ({ limit, kind }: Quotas['meters']['api_calls'], meter: string) =>
  limit !== null && (kind === 'counter' || (METERS as readonly string[]).includes(meter))

function QuotaCards({ quotas }: { readonly quotas: Quotas | undefined }) {
  const forecast = useRead('GET /usage/forecast')
  const shown = quotas ? listMeters(quotas).filter((meter) => isShown(quotas.meters[meter as 'api_calls'], meter)) : []
  return (
    <Section
      title="Quotas"
      actions={
        <Link to="/limits" className={textLink}>
          All limits
        </Link>
      }
    >
      {quotas ? (
        <Columns>
          {shown.map((meter) => (
            <MeterCard key={meter} meter={meter} quotas={quotas} forecast={forecast.data} />
          ))}
        </Columns>
      ) : (
        <Skeleton lines={2} height="h-24" />
      )}
    </Section>
  )
}
