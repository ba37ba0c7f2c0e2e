import { useParams } from '@tanstack/react-router'
import { useRead } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Page } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { KeyLimits, KeySettings, KeyUsage } from '../keys/key-parts.tsx'
import { useKeyHead } from '../keys/use-key-head.tsx'
import { AuditTable } from './audit-table.tsx'

const TABS = [
  ['usage', 'Usage'],
  ['limits', 'Limits'],
  ['settings', 'Settings'],
  ['audit', 'Audit'],
] as const

/** One key of a customer, as the operator sees it; the address says whose it is. */
export function CustomerKey() {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  const [{ customer }] = useSearchState({ customer: '', tab: 'usage' })
  const input = { params: { id }, query: { organization_id: customer } }
  const { data: item, error, refetch } = useRead('GET /auth/api-keys/{id}', input)
  if (item) return <KeyPage key={id} item={item} customer={customer} />
  return (
    <Page title="API key">
      {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton lines={4} />}
    </Page>
  )
}

interface KeyProps {
  readonly item: ApiKey
  readonly customer: string
}

function KeyPage({ item, customer }: KeyProps) {
  const [{ tab }, change] = useSearchState({ customer: '', tab: 'usage' })
  const { dialogs, ...head } = useKeyHead(item, true, { customer })
  return (
    <Page {...head} above={<Owner id={customer} />}>
      <Tabs label="Views of the key" value={tab} tabs={TABS} onChange={(next) => change({ tab: next })} />
      <TabContent tab={tab} item={item} customer={customer} />
      {dialogs}
    </Page>
  )
}

function Owner({ id }: { readonly id: string }) {
  const { data } = useRead('GET /admin/organizations/{organization_id}', { params: { organization_id: id } })
  return (
    <Link to={`/operator/customers/${id}?tab=keys`} className={textLink}>
      {data?.name ?? 'Customer'}
    </Link>
  )
}

function TabContent({ tab, item, customer }: KeyProps & { readonly tab: string }) {
  if (tab === 'limits') return <KeyLimits id={item.id} customer={customer} />
  if (tab === 'settings') return <KeySettings item={item} customer={customer} />
  if (tab === 'audit') return <AuditTable filter={{ target_id: item.id }} />
  return <KeyUsage item={item} customer={customer} />
}
