import type { ReactNode } from 'react'
import type { List } from '../../api/hooks.ts'
import type { AuditLog, Operations } from '../../api/types.ts'
import { AUDIT_ACTIONS } from '../../api/words.ts'
import { formatTime } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Code } from '../../ui/copy.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FilterDay, FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Facts } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { isUuid } from './customer-filter.ts'
import { Json } from './json.tsx'
import { useChosen } from './use-chosen.ts'

type AuditAction = NonNullable<AuditQuery['action']>
type AuditQuery = NonNullable<Operations['GET /audit-logs']['query']>

/** What an audit screen keeps in its address. */
export const AUDIT_FILTERS = { action: '', result: '', actor: '', from: '', to: '' }
type AuditState = typeof AUDIT_FILTERS

/** @returns what the API takes; days are whole ones of the reader's clock, the last one included */
export function auditQuery({ action, result, actor, from, to }: AuditState) {
  const until = to ? new Date(`${to}T00:00`) : undefined
  until?.setDate(until.getDate() + 1)
  return {
    ...(action && { action: action as AuditAction }),
    ...(result && { result: result as 'success' | 'failure' }),
    ...(isUuid(actor) && { actor_id: actor }),
    ...(from && { from: new Date(`${from}T00:00`).toISOString() }),
    ...(until && { to: until.toISOString() }),
  }
}

const ACTORS: Readonly<Record<AuditLog['actor']['type'], string>> = {
  user: 'User',
  key: 'API key',
  administrator: 'Administrator',
  service: 'Service key',
  portal: 'Portal visitor',
  external: 'Your application',
  system: 'Tollgate',
}

interface AuditFiltersProps {
  readonly state: AuditState
  readonly onChange: (change: Partial<AuditState>) => void
  /** Whether the operator's actions are offered as well. */
  readonly ofOperator?: boolean
  /** More filters, after these. */
  readonly children?: ReactNode
}

export function AuditFilters({ state, onChange, ofOperator = false, children }: AuditFiltersProps) {
  const actions = Object.keys(AUDIT_ACTIONS).filter((action) => ofOperator || !action.startsWith('admin.'))
  return (
    <Filters>
      <FilterSelect
        label="Action"
        value={state.action}
        options={[['', 'All actions'], ...actions.map((action) => [action, action] as const)]}
        onChange={(action) => onChange({ action })}
      />
      <FilterSelect
        label="Result"
        value={state.result}
        options={[
          ['', 'All results'],
          ['success', 'Succeeded'],
          ['failure', 'Failed'],
        ]}
        onChange={(result) => onChange({ result })}
      />
      <FilterDay label="From" value={state.from} onChange={(from) => onChange({ from })} />
      <FilterDay label="To" value={state.to} onChange={(to) => onChange({ to })} />
      <FilterText
        label="Actor id"
        value={state.actor}
        placeholder="A user's or a key's id"
        onChange={(actor) => onChange({ actor })}
      />
      {children}
    </Filters>
  )
}

interface AuditTableProps {
  readonly list: List<'GET /audit-logs'>
  readonly label: string
  readonly empty: ReactNode
  readonly onClearFilters?: (() => void) | undefined
  /** For lists of several organizations: how one is shown. */
  readonly organization?: (id: string) => ReactNode
}

/** Audit entries. Each opens beside the list, with all that was kept of it. */
export function AuditTable({ list, organization, ...rest }: AuditTableProps) {
  const [chosen, choose] = useChosen(list.rows)
  return (
    <>
      <Table
        {...listProps(list)}
        {...rest}
        columns={organization ? [...COLUMNS.slice(0, 3), toColumn(organization), ...COLUMNS.slice(3)] : COLUMNS}
        rowId={({ id }) => id}
        onOpen={choose}
        rowMenu={({ id, action }) => <RowMenu name={action} id={id} />}
      />
      {chosen && <Entry entry={chosen} organization={organization} onClose={() => choose()} />}
    </>
  )
}

const COLUMNS: readonly Column<AuditLog>[] = [
  { name: 'Action', cell: ({ action }) => action, width: 'minmax(0,1.6fr)' },
  { name: 'Actor', cell: ({ actor }) => ACTORS[actor.type], width: '8.5rem' },
  {
    name: 'Target',
    cell: ({ target }) => target?.type.replaceAll('_', ' ') ?? <span className="text-muted">–</span>,
    width: '9rem',
    secondary: true,
  },
  { name: 'Result', cell: ({ result }) => <Result result={result} />, width: '7rem' },
  { name: 'Time', cell: ({ created_at }) => <Time at={created_at} />, width: '8rem' },
]

const toColumn = (organization: (id: string) => ReactNode): Column<AuditLog> => ({
  name: 'Customer',
  cell: ({ organization_id }) =>
    organization_id ? organization(organization_id) : <span className="text-muted">–</span>,
})

const Result = ({ result }: Pick<AuditLog, 'result'>) =>
  result === 'success' ? <Status kind="good">Succeeded</Status> : <Status kind="bad">Failed</Status>

interface EntryProps {
  readonly entry: AuditLog
  readonly organization: ((id: string) => ReactNode) | undefined
  readonly onClose: () => void
}

function Entry({ entry, organization, onClose }: EntryProps) {
  const { action, actor, target, organization_id: owner } = entry
  return (
    <Dialog side open onClose={onClose} title={action}>
      {AUDIT_ACTIONS[action] && <p className="text-muted">{withoutCode(AUDIT_ACTIONS[action])}</p>}
      <Facts
        facts={[
          ['Result', <Result key="result" result={entry.result} />],
          ['Time', formatTime(entry.created_at)],
          [
            'Actor',
            <span key="actor" className="flex min-w-0 flex-col">
              {ACTORS[actor.type]}
              {actor.id && <Code>{actor.id}</Code>}
            </span>,
          ],
          [
            'Target',
            target ? (
              <span className="flex min-w-0 flex-col">
                {target.type.replaceAll('_', ' ')}
                <Code>{target.id}</Code>
              </span>
            ) : (
              '–'
            ),
          ],
          ...(organization && owner ? [['Customer', organization(owner)] as const] : []),
          ['Address', entry.ip ? <Code key="ip">{entry.ip}</Code> : '–'],
          ['Client', entry.user_agent ?? '–'],
          ['Request', entry.request_id ? <Code key="request">{entry.request_id}</Code> : '–'],
          ['Entry', <Code key="id">{entry.id}</Code>],
        ]}
      />
      {Object.keys(entry.detail).length > 0 && (
        <div className="flex flex-col gap-2">
          <h3>Detail</h3>
          <Json value={entry.detail} label="detail" />
        </div>
      )}
    </Dialog>
  )
}

/** The API marks code in its descriptions. */
const withoutCode = (text: string) => text.replaceAll('`', '')
