import { useList } from '../../api/hooks.ts'
import { Page } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { AuditTable } from '../shared/audit-table.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'

export function Leaks() {
  const list = useList('GET /admin/audit-logs', { query: { action: 'key.leaked', limit: 50 } })
  return (
    <Page
      title="Secret scanner reports"
      intro="Keys that a secret scanner found in public. Each was disabled immediately, and its owners were notified."
    >
      <AuditTable
        list={list}
        label="Reports"
        organization={(id) => <CustomerLink id={id} />}
        empty={
          <Empty title="No reports yet">
            Register the pattern of your keys with GitHub so that leaked keys are reported. See the guide on secret
            scanning.
          </Empty>
        }
      />
    </Page>
  )
}
