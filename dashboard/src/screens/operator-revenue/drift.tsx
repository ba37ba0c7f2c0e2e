import { useRead } from '../../api/hooks.ts'
import type { BillingDriftDataItem } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Page } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'
import { providerName } from './provider.ts'

const KINDS: Readonly<Record<BillingDriftDataItem['kind'], string>> = {
  missing_here: 'Bought at the provider, unknown here',
  differs: 'Differs from the provider',
  plan: 'The organization is on another plan',
  second: 'A second subscription of one customer',
  missing_there: 'Unknown to the provider',
  overage_unpaid: 'An invoice of overage was not paid',
  unreadable: 'The provider’s data cannot be read',
  unknown_organization: 'Bought for an organization that is unknown here',
  unknown_product: 'Bought a product that no plan names',
}

export function Drift() {
  const { data, error, refetch, isFetching } = useRead('GET /admin/billing/drift')
  return (
    <Page
      title="Drift"
      intro="Where subscriptions here and at the payment providers disagree. An hourly job repairs what it can."
      state={
        data && (
          <Status kind={data.data.length === 0 && data.is_whole ? 'good' : 'warn'}>
            {data.data.length === 0
              ? data.is_whole
                ? 'In sync'
                : 'Compared in part'
              : `${formatNumber(data.data.length)} differ`}
          </Status>
        )
      }
      actions={
        <Button busy={isFetching} onClick={() => void refetch()}>
          Compare now
        </Button>
      }
    >
      {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={4} />}
      {data && (
        <Table
          label="Drift"
          rows={data.data}
          columns={COLUMNS}
          rowId={({ provider, subscription_id, kind }) => `${provider} ${subscription_id} ${kind}`}
          empty={
            <Empty title="No differences">
              {formatNumber(data.compared)} subscriptions at the providers were compared.
              {data.is_whole ? '' : ' A provider has more. The hourly job compares all of them, part by part.'}
            </Empty>
          }
        />
      )}
    </Page>
  )
}

const COLUMNS: readonly Column<BillingDriftDataItem>[] = [
  { name: 'Difference', cell: ({ kind }) => KINDS[kind], width: 'minmax(0,1.4fr)' },
  { name: 'Customer', cell: ({ organization_id }) => <CustomerLink id={organization_id} /> },
  { name: 'Provider', cell: ({ provider }) => providerName(provider), width: '6rem', secondary: true },
  { name: 'Here', cell: ({ here }) => (here ? `${here.plan}, ${here.status}` : '–'), secondary: true },
  {
    name: 'At the provider',
    cell: ({ there }) => (there ? `${there.product}, ${there.status}` : '–'),
    secondary: true,
  },
  {
    name: 'Repair',
    width: '8rem',
    cell: ({ is_repairable }) =>
      is_repairable ? <Status kind="waiting">Next hour</Status> : <Status kind="warn">Manual</Status>,
  },
]
