import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { differing } from '../../lib/differing.ts'
import { formatNumber, formatRelative } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm, Dialog } from '../../ui/dialog.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { isRevoked, keyStatus } from '../keys/key-status.ts'
import { SecretOnce } from '../shared/secret-once.tsx'
import { ServiceKeyForm } from './service-key-form.tsx'

type Asked = { readonly action: 'edit' | 'rotate' | 'revoke'; readonly item: ApiKey }

export function ServiceKeys() {
  const [{ status }, change] = useSearchState({ status: '' })
  const [isCreating, setIsCreating] = useState(false)
  const [asked, setAsked] = useState<Asked>()
  const list = useList('GET /admin/service-keys', {
    query: { limit: 100, ...(status && { status: status as 'active' | 'disabled' | 'expired' | 'revoked' }) },
  })
  const close = () => setAsked(undefined)
  return (
    <Page
      title="Service keys"
      intro="Your back ends use them to act for any customer."
      actions={
        <Button look="primary" onClick={() => setIsCreating(true)}>
          Create service key
        </Button>
      }
    >
      <Filters>
        <FilterSelect label="Status" value={status} options={STATES} onChange={(value) => change({ status: value })} />
      </Filters>
      <Table
        {...listProps(list)}
        label="Service keys"
        columns={COLUMNS}
        rowId={({ id }) => id}
        onOpen={(item) => setAsked({ action: 'edit', item })}
        rowMenu={(item) => (
          <RowMenu
            name={item.name}
            id={item.id}
            items={
              isRevoked(item)
                ? []
                : [
                    { label: 'Edit', onSelect: () => setAsked({ action: 'edit', item }) },
                    { label: 'Rotate', onSelect: () => setAsked({ action: 'rotate', item }) },
                    { label: 'Revoke', destructive: true, onSelect: () => setAsked({ action: 'revoke', item }) },
                  ]
            }
          />
        )}
        empty={
          <Empty title="No service keys yet">
            A service key lets your back end create customers and issue their keys.
          </Empty>
        }
        onClearFilters={status ? () => change({ status: '' }) : undefined}
      />
      {isCreating && <Create onClose={() => setIsCreating(false)} />}
      {asked?.action === 'edit' && <Edit item={asked.item} onClose={close} />}
      {asked?.action === 'rotate' && <Rotate item={asked.item} onClose={close} />}
      {asked?.action === 'revoke' && <Revoke item={asked.item} onClose={close} />}
    </Page>
  )
}

const STATES = [
  ['', 'All'],
  ['active', 'Active'],
  ['disabled', 'Disabled'],
  ['expired', 'Expired'],
  ['revoked', 'Revoked'],
] as const

const COLUMNS: readonly Column<ApiKey>[] = [
  { name: 'Name', cell: ({ name }) => name },
  { name: 'Key', width: '11rem', cell: ({ key_hint }) => <code className="font-mono text-small">{key_hint}</code> },
  {
    name: 'Status',
    width: '8rem',
    cell(key) {
      const { kind, label, reason } = keyStatus(key, undefined)
      return (
        <span title={reason}>
          <Status kind={kind}>{label}</Status>
        </span>
      )
    },
  },
  { name: 'Scopes', cell: ({ scopes }) => scopes.join(', '), secondary: true },
  { name: 'Last used', width: '8rem', cell: ({ last_used_at }) => <Time at={last_used_at} none="Never" /> },
]

function Create({ onClose }: { readonly onClose: () => void }) {
  const { mutate, data, error, isPending, stepUp } = useStepUp('POST /admin/service-keys', { allowsCode: true })
  if (data)
    return (
      <SecretOnce title="Service key created" noun="key" secret={data.key} onClose={onClose}>
        <p>Keep it on your server. It must never reach a browser.</p>
      </SecretOnce>
    )
  return (
    <Dialog open onClose={onClose} title="Create service key" side>
      <ServiceKeyForm
        action="Create service key"
        busy={isPending}
        error={error}
        onSubmit={(body) => mutate({ body })}
        onCancel={onClose}
      />
      {stepUp}
    </Dialog>
  )
}

interface ItemProps {
  readonly item: ApiKey
  readonly onClose: () => void
}

function Edit({ item, onClose }: ItemProps) {
  const [{ name, scopes, allowed_ips }] = useState(item)
  const { mutate, error, isPending, stepUp } = useStepUp('PATCH /admin/service-keys/{id}', { allowsCode: true })
  return (
    <Dialog open onClose={onClose} title={`Edit ${item.name}`} side>
      <ServiceKeyForm
        item={item}
        action="Save service key"
        busy={isPending}
        error={error}
        onSubmit={(body) =>
          mutate(
            { params: { id: item.id }, body: differing({ name, scopes, allowed_ips }, body) },
            {
              onSuccess() {
                toast('Service key changed', 'It takes effect within two seconds.')
                onClose()
              },
            },
          )
        }
        onCancel={onClose}
      />
      {stepUp}
    </Dialog>
  )
}

const GRACE_SECONDS = 86_400

function Rotate({ item, onClose }: ItemProps) {
  const { mutate, data, error, isPending, stepUp } = useStepUp('POST /admin/service-keys/{id}/rotate', {
    allowsCode: true,
  })
  if (data)
    return (
      <SecretOnce title="Service key rotated" noun="key" secret={data.key} onClose={onClose}>
        <p>The old key works for another 24 hours.</p>
      </SecretOnce>
    )
  return (
    <>
      <Confirm
        open
        onClose={onClose}
        title={`Rotate ${item.name}`}
        action="Rotate now"
        destructive={false}
        busy={isPending}
        error={error}
        onConfirm={() => mutate({ params: { id: item.id }, body: { grace_period_seconds: GRACE_SECONDS } })}
      >
        <p>A new key replaces it immediately. The old one stops working in 24 hours.</p>
      </Confirm>
      {stepUp}
    </>
  )
}

function Revoke({ item, onClose }: ItemProps) {
  const { mutate, error, isPending } = useChange('DELETE /admin/service-keys/{id}')
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Revoke ${item.name}`}
      action="Revoke service key"
      typed={item.name}
      busy={isPending}
      error={error}
      onConfirm={() =>
        mutate(
          { params: { id: item.id } },
          {
            onSuccess() {
              toast('Service key revoked')
              onClose()
            },
          },
        )
      }
    >
      <p>
        Back ends with this key are refused within two seconds, and its portal sessions end. It was used{' '}
        {formatNumber(item.total_requests)} times, last{' '}
        {item.last_used_at ? formatRelative(item.last_used_at) : 'never'}.
      </p>
    </Confirm>
  )
}
