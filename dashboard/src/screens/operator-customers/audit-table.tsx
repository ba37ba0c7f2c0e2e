import { useState } from 'react'
import { useList } from '../../api/hooks.ts'
import type { AuditLog } from '../../api/types.ts'
import { formatName, formatTime, formatUtc } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Code, CodeBlock } from '../../ui/copy.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'

interface AuditTableProps {
  readonly filter: { readonly organization_id?: string; readonly actor_id?: string; readonly target_id?: string }
}

/** Rows of the audit log. Each opens beside the list, with its details. */
export function AuditTable({ filter }: AuditTableProps) {
  const list = useList('GET /admin/audit-logs', { query: { ...filter, limit: 50 } })
  return <AuditRows {...listProps(list)} />
}

type AuditRowsProps = Partial<ReturnType<typeof listProps<AuditLog>>> & {
  readonly rows: readonly AuditLog[] | undefined
}

export function AuditRows(props: AuditRowsProps) {
  const [opened, setOpened] = useState<AuditLog>()
  return (
    <>
      <Table
        {...props}
        label="Audit log"
        rowId={({ id }) => id}
        onOpen={setOpened}
        empty={<Empty title="Nothing in the audit log" />}
        columns={[
          { name: 'Action', width: 'minmax(0,1.5fr)', cell: ({ action }) => formatName(action) },
          { name: 'By', cell: ({ actor }) => formatName(actor.type) },
          { name: 'On', secondary: true, cell: ({ target }) => (target ? formatName(target.type) : '–') },
          { name: 'Result', width: '8rem', cell: Result },
          { name: 'When', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
      <Dialog open={opened !== undefined} onClose={() => setOpened(undefined)} title={title(opened)} side>
        {opened && <Details row={opened} />}
      </Dialog>
    </>
  )
}

const title = (row: AuditLog | undefined) => (row ? formatName(row.action) : 'Audit log')

const Result = ({ result }: AuditLog) =>
  result === 'success' ? <Status kind="good">Success</Status> : <Status kind="bad">Failure</Status>

function Details({ row }: { readonly row: AuditLog }) {
  const { actor, target } = row
  return (
    <>
      <Facts
        facts={[
          ['When', `${formatTime(row.created_at)} · ${formatUtc(row.created_at)}`],
          ['Result', <Result {...row} />],
          ['Action', <Code>{row.action}</Code>],
          ['By', <Who type={actor.type} id={actor.id} />],
          ...(target ? [['On', <Who type={target.type} id={target.id} />] as const] : []),
          ...(row.ip === null ? [] : [['Address', <Code>{row.ip}</Code>] as const]),
          ...(row.user_agent === null ? [] : [['User agent', row.user_agent] as const]),
          ...(row.request_id === null ? [] : [['Request', <Code>{row.request_id}</Code>] as const]),
        ]}
      />
      {Object.keys(row.detail).length > 0 && <CodeBlock label="details" code={JSON.stringify(row.detail, null, 2)} />}
    </>
  )
}

/** Where the operator looks at a thing of an audit row. */
const SCREENS: Readonly<Record<string, string>> = {
  user: '/operator/users/',
  administrator: '/operator/users/',
  organization: '/operator/customers/',
}

function Who({ type, id }: { readonly type: string; readonly id: string | null }) {
  const screen = SCREENS[type]
  return (
    <span className="flex flex-col">
      {screen && id !== null ? (
        <Link to={`${screen}${id}`} className={textLink}>
          {formatName(type)}
        </Link>
      ) : (
        formatName(type)
      )}
      {id !== null && <Code>{id}</Code>}
    </span>
  )
}
