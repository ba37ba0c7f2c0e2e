import { useState } from 'react'
import { type Row, useList, useReads } from '../../api/hooks.ts'
import type { ApiKey, KeyUsageDataItem } from '../../api/types.ts'
import { Sparkline } from '../../charts/sparkline.tsx'
import { formatNumber } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Environment, Status } from '../../ui/badge.tsx'
import { Button, buttonClass } from '../../ui/button.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { Link, useGo } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { BulkRevoke } from './bulk-revoke.tsx'
import { type KeyAction, KeyActionDialog } from './key-actions.tsx'
import { menuItems } from './key-menu.ts'
import { endsAt, keyStatus } from './key-status.ts'

const FILTERS = { search: '', environment: '', status: '' }
/** The most keys whose usage one request answers. */
const USAGE_KEYS = 100

export function KeyList() {
  const [state, change] = useSearchState(FILTERS)
  const [asked, setAsked] = useState<{ action: KeyAction; item: ApiKey }>()
  const [picking, setPicking] = useState<readonly ApiKey[]>()
  const mayWrite = useMay('keys:write')
  const list = useList('GET /auth/api-keys', { query: { limit: 100, ...filters(state) } })
  const usage = useKeyUsage(list.rows)
  const isFiltered = Object.values(state).some(Boolean)
  const columns = keyColumns(usage)
  return (
    <Page
      title="API keys"
      intro="Programs send a key with each request."
      actions={
        mayWrite && (
          <>
            {list.rows && list.rows.length > 1 && (
              <Button disabled={list.isPlaceholderData} onClick={() => setPicking(list.rows)}>
                Revoke several
              </Button>
            )}
            <Link to="/keys/new" className={buttonClass('primary')}>
              Create key
            </Link>
          </>
        )
      }
    >
      <Filters>
        <FilterText
          label="Search"
          value={state.search}
          placeholder="Name or hint"
          onChange={(search) => change({ search })}
        />
        <FilterSelect
          label="Environment"
          value={state.environment}
          options={ENVIRONMENTS}
          onChange={(environment) => change({ environment })}
        />
        <FilterSelect label="Status" value={state.status} options={STATES} onChange={(status) => change({ status })} />
      </Filters>
      <Table
        {...listProps(list)}
        label="API keys"
        columns={columns}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/keys/${id}`}
        rowMenu={(item) => (
          <RowMenu
            name={item.name}
            id={item.id}
            items={mayWrite ? menuItems(item, (action) => setAsked({ action, item })) : []}
          />
        )}
        empty={<NoKeys mayWrite={mayWrite} />}
        onClearFilters={isFiltered ? () => change(FILTERS) : undefined}
      />
      {asked && <KeyActionDialog action={asked.action} item={asked.item} onClose={() => setAsked(undefined)} />}
      {picking && <BulkRevoke keys={picking} onClose={() => setPicking(undefined)} />}
    </Page>
  )
}

const ENVIRONMENTS = [
  ['', 'All'],
  ['live', 'Live'],
  ['test', 'Test'],
] as const
const STATES = [
  ['', 'All'],
  ['active', 'Active'],
  ['disabled', 'Disabled'],
  ['expired', 'Expired'],
  ['revoked', 'Revoked'],
] as const

function filters({ search, environment, status }: typeof FILTERS) {
  return {
    ...(search && { search }),
    ...(environment && { environment: environment as ApiKey['environment'] }),
    ...(status && { status: status as 'active' | 'disabled' | 'expired' | 'revoked' }),
  }
}

/** What the keys were used for in the last 36 hours, by key: a question for each page of the list. */
function useKeyUsage(rows: readonly ApiKey[] = []): ReadonlyMap<string, KeyUsageDataItem> {
  const pages = Array.from({ length: Math.ceil(rows.length / USAGE_KEYS) }, (_, at) =>
    rows.slice(at * USAGE_KEYS, (at + 1) * USAGE_KEYS),
  )
  const answers = useReads(
    'GET /usage/keys',
    pages.map((page) => ({ query: { key_ids: page.map(({ id }) => id).join(',') } })),
  )
  return new Map(answers.flatMap(({ data }) => data.map((item) => [item.key_id, item] as const)))
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const total = ({ succeeded, limited, refused, failed }: KeyUsageDataItem) =>
  succeeded.map((value, at) => value + (limited[at] ?? 0) + (refused[at] ?? 0) + (failed[at] ?? 0))

function keyColumns(usage: ReadonlyMap<string, KeyUsageDataItem>): Column<Row<'GET /auth/api-keys'>>[] {
  return [
    {
      name: 'Name',
      width: 'minmax(0,1fr)',
      cell: ({ name, environment }) => (
        <span className="inline-flex max-w-full items-center gap-2 align-bottom">
          <span className="truncate" title={name}>
            {name}
          </span>
          <Environment name={environment} />
        </span>
      ),
    },
    { name: 'Key', width: '8.75rem', cell: ({ key_hint }) => <code className="font-mono text-small">{key_hint}</code> },
    {
      name: 'Status',
      width: '8.5rem',
      cell(key) {
        const { kind, label, reason } = keyStatus(key, usage.get(key.id))
        return (
          <span title={reason}>
            <Status kind={kind}>{label}</Status>
          </span>
        )
      },
    },
    {
      name: 'Last 36 hours',
      width: '6.5rem',
      secondary: true,
      cell({ id }) {
        const hours = usage.get(id)
        if (!hours) return undefined
        const values = total(hours)
        return <Sparkline label={`${formatNumber(sum(values))} requests in 36 hours`} values={values} />
      },
    },
    { name: 'Last used', width: '6.75rem', cell: ({ last_used_at }) => <Time at={last_used_at} none="Never" /> },
    { name: 'Expires', width: '6.75rem', secondary: true, cell: (key) => <Time at={endsAt(key)} none="Never" /> },
  ]
}

function NoKeys({ mayWrite }: { readonly mayWrite: boolean }) {
  const go = useGo()
  return (
    <Empty
      title="No keys yet"
      action={
        mayWrite && (
          <Button look="primary" onClick={() => go('/keys/new')}>
            Create key
          </Button>
        )
      }
    >
      A key lets a program call the API on behalf of this organization.
    </Empty>
  )
}
