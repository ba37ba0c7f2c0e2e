import { useList } from '../../api/hooks.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { AUDIT_FILTERS, AuditFilters, AuditTable, auditQuery } from '../shared/audit-table.tsx'
import { customerFilter } from '../shared/customer-filter.ts'
import { CustomerLink } from '../shared/customer-link.tsx'

const DEFAULTS = { ...AUDIT_FILTERS, customer: '' }

export function AuditOfAll() {
  const [state, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/audit-logs', { query: { ...auditQuery(state), ...customerFilter(state.customer) } })
  const isFiltered = Object.values(state).some((value) => value !== '')
  return (
    <Page title="Global audit log" intro="What people, keys and Tollgate did in all organizations, newest first.">
      <AuditFilters state={state} onChange={change} ofOperator>
        <FilterText
          label="Customer"
          value={state.customer}
          placeholder="Id or your own id"
          onChange={(customer) => change({ customer })}
        />
      </AuditFilters>
      <AuditTable
        list={list}
        label="Audit entries"
        organization={(id) => <CustomerLink id={id} />}
        empty={
          <Empty title="No entries yet">Sign-ins, key changes and your own actions are recorded as they happen.</Empty>
        }
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
    </Page>
  )
}
