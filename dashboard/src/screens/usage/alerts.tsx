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
        empty={<Empty title="No alerts yet">A quota that passes one of the thresholds appears here.</Empty>}
      />
    </Section>
  )
}

const listColumns = (own: OwnMeters): Column<Alert>[] => [
  { name: 'Quota', cell: ({ meter }) => meterName(meter, own) },
  {
    name: 'Passed',
    cell: ({ threshold }) => <Status kind={threshold >= 100 ? 'bad' : 'warn'}>{`${threshold}%`}</Status>,
  },
  {
    name: 'Used',
    width: 'minmax(0,1.6fr)',
    cell: ({ meter, used, limit }) => `${formatAmount(meter, used)} of ${formatAmount(meter, limit, own[meter]?.unit)}`,
  },
  { name: 'Period', secondary: true, cell: ({ period_start }) => `From ${formatDate(period_start)}` },
  { name: 'When', cell: ({ crossed_at }) => <Time at={crossed_at} /> },
  {
    name: 'Told',
    secondary: true,
    cell: ({ notified_at }) => <Time at={notified_at} none="With a higher one" />,
  },
]
