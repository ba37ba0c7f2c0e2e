import { useRead } from '../../api/hooks.ts'
import { formatNumber } from '../../lib/format.ts'
import { Card, Columns, Page, Stat } from '../../ui/layout.tsx'

export function Overview() {
  const { data } = useRead('GET /usage/summary')
  return (
    <Page title="Overview">
      <Card>
        <Columns of={4}>
          <Stat label="Requests" value={data ? formatNumber(data.totals.requests) : '–'} />
        </Columns>
      </Card>
    </Page>
  )
}
