import { useRead } from '../../api/hooks.ts'
import type { Overview } from '../../api/types.ts'
import { formatMoney, formatName, formatNumber, formatPercent, formatPrice } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Card, Columns, Page, Section, Stat } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { Attention } from './attention.tsx'
import { usePlans } from './plans.ts'
import { UsageChart } from './usage-chart.tsx'

/** How often the figures are read again. */
const EVERY_MS = 60_000

export function OperatorOverview() {
  const { data, error, refetch } = useRead('GET /admin/overview', {}, { every: EVERY_MS })
  return (
    <Page
      title="Operator overview"
      intro={
        data && (
          <>
            All customers of this deployment. Counted <Time at={data.generated_at} />.
          </>
        )
      }
    >
      {data ? (
        <Content overview={data} />
      ) : error ? (
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      ) : (
        <Skeleton lines={4} height="h-24" />
      )}
    </Page>
  )
}

function Content({ overview }: { readonly overview: Overview }) {
  return (
    <>
      <Figures overview={overview} />
      <UsageChart range="30d" />
      <Attention overview={overview} />
      <div className="grid items-start gap-6 md:grid-cols-2">
        <Plans overview={overview} />
        <Verdicts overview={overview} />
      </div>
    </>
  )
}

const share = (part: number, whole: number) => (whole === 0 ? '–' : formatPercent(part / whole))

function Figures({ overview: { customers, keys, verifications, revenue } }: { readonly overview: Overview }) {
  const { month, today } = verifications
  const pastDue = revenue.subscriptions.reduce((sum, one) => sum + one.past_due, 0)
  return (
    <Card>
      <Columns of={4}>
        <Stat
          label="Customers"
          value={formatNumber(customers.total)}
          note={`${formatNumber(customers.new_30_days)} new in 30 days · ${formatNumber(customers.suspended)} suspended`}
        />
        <Stat label="Active keys" value={formatNumber(keys.active)} note="Not revoked, disabled or expired" />
        <Stat
          label="Verifications this month"
          value={formatNumber(month.total)}
          note={`${share(month.valid, month.total)} valid · ${formatNumber(today.total)} today`}
        />
        <Stat
          label="Monthly revenue"
          value={formatMoney(revenue.per_month_cents / 100)}
          note={`List prices · ${formatNumber(pastDue)} past due`}
        />
      </Columns>
    </Card>
  )
}

/** Customers and subscriptions of each plan, in one table. */
function Plans({ overview: { customers, revenue } }: { readonly overview: Overview }) {
  const { planName } = usePlans()
  const rows = customers.by_plan.map((one) => ({
    ...one,
    subscriptions: revenue.subscriptions.filter(({ plan }) => plan === one.plan),
  }))
  return (
    <Section title="Customers by plan">
      <Table
        label="Customers by plan"
        rows={rows}
        rowId={({ plan }) => plan}
        rowLink={({ plan }) => `/operator/customers?plan=${encodeURIComponent(plan)}`}
        empty={<Empty title="No plans yet" />}
        columns={[
          { name: 'Plan', width: 'minmax(5.5rem,1.4fr)', cell: ({ plan }) => planName(plan) },
          { name: 'Customers', numeric: true, cell: ({ total }) => formatNumber(total) },
          { name: 'Paying', numeric: true, cell: ({ subscriptions }) => count(subscriptions, 'active') },
          { name: 'Past due', numeric: true, cell: ({ subscriptions }) => count(subscriptions, 'past_due') },
          { name: 'Per month', numeric: true, cell: ({ subscriptions }) => perMonth(subscriptions) },
        ]}
      />
    </Section>
  )
}

type Revenue = Overview['revenue']['subscriptions'][number]

/** Each currency by itself. */
function perMonth(all: readonly Revenue[]): string {
  return all.map((one) => formatPrice(one.per_month_cents, one.currency)).join(' + ') || '–'
}

const count = (all: readonly Revenue[], what: 'active' | 'past_due') =>
  formatNumber(all.reduce((sum, one) => sum + one[what], 0))

function Verdicts({ overview: { verifications } }: { readonly overview: Overview }) {
  const { month, today } = verifications
  const rows = Object.entries(month.by_code)
    .map(([code, count]) => ({ code, count, today: today.by_code[code] ?? 0 }))
    .toSorted((one, other) => other.count - one.count)
  return (
    <Section title="Verifications by verdict">
      <Table
        label="Verifications by verdict"
        rows={rows}
        rowId={({ code }) => code}
        empty={
          <Empty title="No verifications this month">
            They appear here once a back end calls POST /keys/verify for a customer’s key.
          </Empty>
        }
        columns={[
          {
            name: 'Verdict',
            width: 'minmax(0,2fr)',
            cell: ({ code }) => (
              <Status kind={code === 'VALID' ? 'good' : 'off'}>{formatName(code.toLowerCase())}</Status>
            ),
          },
          { name: 'Today', numeric: true, cell: (row) => formatNumber(row.today) },
          { name: 'This month', numeric: true, cell: ({ count }) => formatNumber(count) },
          { name: 'Share', numeric: true, cell: ({ count }) => share(count, month.total) },
        ]}
      />
    </Section>
  )
}
