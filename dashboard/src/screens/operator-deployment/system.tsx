import { useRead } from '../../api/hooks.ts'
import type { System, SystemJob, SystemSetting } from '../../api/types.ts'
import { formatDate, formatDuration, formatName, formatNumber } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Card, Columns, Page, Section, Stat } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { isBehind, JOB_STATES, judgeSystem } from './system-health.ts'

const LIVE_MS = 15_000

export function SystemScreen() {
  const { data, error, refetch } = useRead('GET /admin/system', {}, { every: LIVE_MS })
  return (
    <Page
      title="System"
      intro="Jobs, settings and backlog of this deployment."
      state={data && <Health system={data} />}
    >
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={6} />}
      {data && (
        <>
          <Figures system={data} />
          <Section title="Jobs" intro="They run on a schedule.">
            <Table
              label="Jobs"
              rows={data.jobs}
              columns={JOB_COLUMNS}
              rowId={({ name }) => name}
              empty={<Empty title="No jobs" />}
            />
          </Section>
          <Section title="Settings" intro="Names only. Values are never shown.">
            <Table
              label="Settings"
              rows={data.settings}
              columns={SETTING_COLUMNS}
              rowId={({ name }) => name}
              empty={<Empty title="No settings" />}
            />
          </Section>
        </>
      )}
    </Page>
  )
}

function Health({ system }: { readonly system: System }) {
  const [kind, name] = judgeSystem(system)
  return <Status kind={kind}>{name}</Status>
}

function Figures({ system: { version, schema, price_list, spool } }: { readonly system: System }) {
  return (
    <Card>
      <Columns of={4}>
        <Stat label="Version" value={version} />
        <Stat
          label="Schema"
          value={
            schema ? (
              <Status kind={schema.is_current ? 'good' : 'bad'}>{schema.is_current ? 'Current' : 'Other'}</Status>
            ) : (
              '–'
            )
          }
          note={schema?.found ?? 'The database is not responding'}
        />
        <Stat
          label="Waiting usage"
          value={spool ? formatNumber(spool.batches) : '–'}
          note={spool ? `${formatNumber(spool.aside)} set aside` : 'Redis is not responding'}
        />
        <Stat label="Price list" value={formatDate(price_list.checked_at)} note={price_list.source} />
      </Columns>
    </Card>
  )
}

const JOB_COLUMNS: readonly Column<SystemJob>[] = [
  { name: 'Job', cell: ({ name }) => formatName(name), width: 'minmax(0,1.2fr)' },
  {
    name: 'State',
    width: '8rem',
    cell({ state, error }) {
      if (state === null) return '–'
      const [kind, name] = JOB_STATES[state]
      return (
        <span title={error ?? undefined}>
          <Status kind={kind}>{name}</Status>
        </span>
      )
    },
  },
  {
    name: 'Last run',
    width: '8.5rem',
    secondary: true,
    cell: ({ last_run_at }) => <Time at={last_run_at} none="Never" />,
  },
  {
    name: 'Backlog',
    width: '7rem',
    numeric: true,
    cell: (job) => <Backlog job={job} />,
  },
  {
    name: 'Duration',
    width: '5rem',
    numeric: true,
    secondary: true,
    cell: ({ duration_ms }) => (duration_ms === null ? '–' : formatDuration(duration_ms)),
  },
  { name: 'Result', cell: ({ result }) => describeResult(result), secondary: true },
  {
    name: 'Runs',
    cell: ({ cron }) => <code className="font-mono text-small">{cron}</code>,
    width: '7rem',
    secondary: true,
  },
]

/** How much waits, and whether that is more than one run takes. */
function Backlog({ job }: { readonly job: SystemJob }) {
  const { backlog, ceiling } = job
  if (backlog.count === null) return '–'
  const waiting = <span title={backlog.of}>{formatNumber(backlog.count)}</span>
  if (!isBehind(job)) return waiting
  return (
    <span title={`${backlog.of}. One run takes ${formatNumber(ceiling.amount ?? 0)}.`}>
      <Status kind="warn">{formatNumber(backlog.count)}</Status>
    </span>
  )
}

function describeResult(result: SystemJob['result']): string {
  if (result === null) return '–'
  const entries = Object.entries(result).filter(
    ([, value]) => value !== 0 && value !== false && typeof value !== 'object',
  )
  return entries.length > 0
    ? entries.map(([name, value]) => `${formatName(name)}: ${String(value)}`).join(', ')
    : 'Nothing to do'
}

const SETTING_COLUMNS: readonly Column<SystemSetting>[] = [
  { name: 'Name', cell: ({ name }) => <code className="font-mono text-small">{name}</code>, width: 'minmax(0,1.2fr)' },
  {
    name: 'State',
    width: '8rem',
    cell({ state, fault }) {
      if (fault) return <Status kind="bad">Refused</Status>
      if (state === 'set') return <Status kind="good">Set</Status>
      return <Status kind="off">{state === 'missing' ? 'Not set' : 'Default'}</Status>
    },
  },
  { name: 'Reason', cell: ({ fault }) => fault ?? '–', secondary: true },
]
