import { Suspense, useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { AdminApiKey, AdminOrganization } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { toast } from '../../ui/toast.tsx'
import { KEY_COLUMNS } from './key-columns.tsx'
import { KEY_STATUSES } from './key-filters.ts'

/** Loaded when a key is issued. */
const IssueKey = lazyPart(async () => (await import('./issue-key.tsx')).IssueKey)

const DEFAULTS = { tab: 'usage', status: '' }

export function CustomerKeys({ customer }: { readonly customer: AdminOrganization }) {
  const [{ status }, change] = useSearchState(DEFAULTS)
  const [revoked, setRevoked] = useState<AdminApiKey>()
  const [isIssuing, setIsIssuing] = useState(false)
  const query = { organization_id: customer.id, limit: 50, ...(status && { status: status as 'active' }) }
  const list = useList('GET /admin/keys', { query })
  const { mutate } = useChange('PATCH /auth/api-keys/{id}')
  const switchKey = ({ id, name }: AdminApiKey, is_active: boolean) =>
    mutate(
      { params: { id }, query: { organization_id: customer.id }, body: { is_active } },
      {
        onSuccess: () => toast(`${name} is ${is_active ? 'enabled' : 'disabled'}`),
        onError: ({ message }) => toast(`${name} was not changed`, message),
      },
    )
  return (
    <>
      <Filters>
        <FilterSelect
          label="Status"
          value={status}
          options={KEY_STATUSES}
          onChange={(next) => change({ status: next })}
        />
        <Button className="ml-auto" look="primary" onClick={() => setIsIssuing(true)}>
          Create key
        </Button>
      </Filters>
      <Table
        {...listProps(list)}
        label={`Keys of ${customer.name}`}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/keys/${id}?customer=${customer.id}`}
        columns={[{ name: 'Name', cell: ({ name }) => name }, ...KEY_COLUMNS]}
        onClearFilters={status ? () => change({ status: '' }) : undefined}
        empty={<Empty title="No keys yet">The customer’s members, your back end or you can create keys.</Empty>}
        rowMenu={(key) => (
          <RowMenu
            name={key.name}
            id={key.id}
            items={[
              ...(key.status === 'active' ? [{ label: 'Disable', onSelect: () => switchKey(key, false) }] : []),
              ...(key.status === 'disabled' ? [{ label: 'Enable', onSelect: () => switchKey(key, true) }] : []),
              ...(key.status === 'revoked'
                ? []
                : [{ label: 'Revoke', destructive: true, onSelect: () => setRevoked(key) }]),
            ]}
          />
        )}
      />
      {isIssuing && (
        <Suspense>
          <IssueKey customer={customer} onClose={() => setIsIssuing(false)} />
        </Suspense>
      )}
      {revoked && <Revoke apiKey={revoked} organizationId={customer.id} onClose={() => setRevoked(undefined)} />}
    </>
  )
}

interface RevokeProps {
  readonly apiKey: AdminApiKey
  readonly organizationId: string
  readonly onClose: () => void
}

function Revoke({ apiKey: { id, name, key_hint }, organizationId, onClose }: RevokeProps) {
  const { mutate, error, isPending } = useChange('DELETE /auth/api-keys/{id}')
  const revoke = () =>
    mutate(
      { params: { id }, query: { organization_id: organizationId } },
      {
        onSuccess() {
          onClose()
          toast(`${name} was revoked`)
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Revoke ${name}`}
      action="Revoke key"
      onConfirm={revoke}
      busy={isPending}
      error={error}
    >
      <p>
        Calls with <code className="font-mono text-small">{key_hint}</code> are refused within two seconds. This cannot
        be undone.
      </p>
    </Confirm>
  )
}
