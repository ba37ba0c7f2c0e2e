import { type Row, useList } from '../../api/hooks.ts'
import { formatDate } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Section } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { formatAmount, meterName, type OwnMeters } from './meters.ts'
import { useOwnMeters } from './own-meters.ts'

type Alert = Row<'GET /usage/alerts'>

/** Thresholds that were passed, newest first. */
export function Alerts() {
  const list = useList('GET /usage/alerts', { query: { limit: 20 } })
  const own = useOwnMeters()
  return (
    <Section title="Recent alerts">
      <Table
        {...listProps(list)}
        label="Recent alerts"
        columns={listColumns(own)}
        rowId={({ id }) => id}
        empty={
          <Empty title="No alerts yet">
            Quotas that pass a threshold and usage that reaches an amount appear here.
          </Empty>
        }
      />
    </Section>
  )
}

function Passed({
  alert: { meter, kind, threshold, amount },
  own,
}: {
  readonly alert: Alert
  readonly own: OwnMeters
}) {
  if (threshold !== null) return <Status kind={threshold >= 100 ? 'bad' : 'warn'}>{`${threshold}%`}</Status>
  return (
    <Status kind="warn">
      {`${formatAmount(meter, amount ?? 0, own[meter]?.unit)}${kind === 'overage' ? ' above the limit' : ''}`}
    </Status>
  )
}

const listColumns = (own: OwnMeters): Column<Alert>[] => [
  { name: 'Quota', cell: ({ meter }) => meterName(meter, own) },
  {
    name: 'Passed',
    cell: (alert) => <Passed alert={alert} own={own} />,
  },
  {
    name: 'Used',
    width: 'minmax(0,1.6fr)',
    cell: ({ meter, used, limit }) => {
      const amount = formatAmount(meter, used, limit === null ? own[meter]?.unit : undefined)
      return limit === null ? amount : `${amount} of ${formatAmount(meter, limit, own[meter]?.unit)}`
    },
  },
  { name: 'Period', secondary: true, cell: ({ period_start }) => `From ${formatDate(period_start)}` },
  { name: 'When', cell: ({ crossed_at }) => <Time at={crossed_at} /> },
  {
    name: 'Notified',
    secondary: true,
    cell: ({ notified_at }) => <Time at={notified_at} none="With a higher alert" />,
  },
]
