import { useList } from '../../api/hooks.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Page } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { AUDIT_FILTERS, AuditFilters, AuditTable, auditQuery } from '../shared/audit-table.tsx'

export function AuditLog() {
  const [state, change] = useSearchState(AUDIT_FILTERS)
  const list = useList('GET /audit-logs', { query: auditQuery(state) })
  const isFiltered = Object.values(state).some((value) => value !== '')
  return (
    <Page title="Audit log" intro="Who did what in this organization. Entries are never changed or deleted.">
      <AuditFilters state={state} onChange={change} />
      <AuditTable
        list={list}
        label="Audit entries"
        empty={
          <Empty title="Nothing recorded yet">
            What people, keys and the system do here is recorded as it happens.
          </Empty>
        }
        onClearFilters={isFiltered ? () => change(AUDIT_FILTERS) : undefined}
      />
    </Page>
  )
}
