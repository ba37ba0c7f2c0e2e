import { useParams } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { lazy, Suspense, useMemo, useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { ApiKey, KeyUsageDataItem } from '../../api/types.ts'
import { Bars } from '../../charts/bars.tsx'
import { formatNumber, formatShort, formatTime } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Badge, Environment, Status } from '../../ui/badge.tsx'
import { Button, IconButton } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Columns, Facts, Page, Section, Stat } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { Menu } from '../../ui/menu.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Time } from '../../ui/time.tsx'
import { type KeyAction, KeyActionDialog } from './key-actions.tsx'
import { KeyAudit, KeyEndpoints, KeyEvents } from './key-details.tsx'
import { endsAt, isRevoked, keyStatus, mayRotate } from './key-status.ts'
import { describeWindow } from './limit-fields.tsx'
import { menuItems } from './list.tsx'
import { daysAgo, foldHours } from './outcomes.ts'

/** Loaded when a key is edited. */
const EditKey = lazy(async () => ({ default: (await import('./edit-key.tsx')).EditKey }))

const TABS = [
  ['usage', 'Usage'],
  ['endpoints', 'Endpoints'],
  ['events', 'Events'],
  ['limits', 'Limits'],
  ['settings', 'Settings'],
  ['audit', 'Audit'],
] as const

export function Key() {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  return <ReadKey key={id} id={id} />
}

function ReadKey({ id }: { readonly id: string }) {
  const { data: item, error, refetch } = useRead('GET /auth/api-keys/{id}', { params: { id } })
  if (error && !item)
    return (
      <Page title="API key">
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Page>
    )
  if (!item)
    return (
      <Page title="API key">
        <Skeleton lines={4} />
      </Page>
    )
  return <KeyPage item={item} />
}

function KeyPage({ item }: { readonly item: ApiKey }) {
  const [{ tab }, change] = useSearchState({ tab: 'usage' })
  const [asked, setAsked] = useState<KeyAction | 'edit'>()
  const mayWrite = useMay('keys:write')
  const hidden = { audit: !useMay('audit:read'), events: !useMay('usage:events') }
  const recent = useRead('GET /usage/keys', { query: { key_ids: item.id } })
  const { kind, label, reason } = keyStatus(item, recent.data?.data[0])
  const isHidden = (name: string) => name in hidden && hidden[name as keyof typeof hidden]
  const close = () => setAsked(undefined)
  return (
    <Page
      title={item.name}
      state={
        <span className="inline-flex items-center gap-3" title={reason}>
          <Status kind={kind}>{label}</Status>
          <Environment name={item.environment} />
        </span>
      }
      intro={reason === 'The key works.' ? item.description : reason}
      above={
        <Link to="/keys" className={textLink}>
          API keys
        </Link>
      }
      actions={
        mayWrite &&
        !isRevoked(item) && (
          <>
            <Menu
              trigger={
                <IconButton label={`Actions for ${item.name}`}>
                  <Ellipsis aria-hidden />
                </IconButton>
              }
              items={menuItems(item, setAsked).filter(({ label: name }) => name !== 'Rotate')}
            />
            <Button onClick={() => setAsked('edit')}>Edit</Button>
            {mayRotate(item) && (
              <Button look="primary" onClick={() => setAsked('rotate')}>
                Rotate
              </Button>
            )}
          </>
        )
      }
    >
      <Tabs
        label="Views of the key"
        value={tab}
        tabs={TABS.filter(([name]) => !isHidden(name))}
        onChange={(next) => change({ tab: next })}
      />
      <TabContent tab={isHidden(tab) ? 'usage' : tab} item={item} />
      {asked === 'edit' && (
        <Suspense>
          <EditKey item={item} onClose={close} />
        </Suspense>
      )}
      {asked && asked !== 'edit' && <KeyActionDialog action={asked} item={item} onClose={close} />}
    </Page>
  )
}

function TabContent({ tab, item }: { readonly tab: string; readonly item: ApiKey }) {
  if (tab === 'endpoints') return <KeyEndpoints {...item} />
  if (tab === 'events') return <KeyEvents {...item} />
  if (tab === 'limits') return <KeyLimits id={item.id} />
  if (tab === 'settings') return <Settings item={item} />
  if (tab === 'audit') return <KeyAudit id={item.id} />
  return <KeyUsage item={item} />
}

const DAYS = 30

const hasRequests = ({ succeeded, limited, refused, failed }: KeyUsageDataItem) =>
  [succeeded, limited, refused, failed].some((values) => values.some((value) => value > 0))

function KeyUsage({ item }: { readonly item: ApiKey }) {
  const from = useMemo(() => daysAgo(DAYS - 1), [])
  const { data, error, refetch } = useRead('GET /usage/keys', { query: { key_ids: item.id, from } })
  const hours = data?.data[0]
  return (
    <>
      <Card>
        <Columns of={3}>
          <Stat label="Requests in all" value={formatShort(item.total_requests)} />
          <Stat label="Last used" value={<Time at={item.last_used_at} none="Never" />} />
          <Stat label={isRevoked(item) ? 'Revoked' : 'Expires'} value={<Time at={endsAt(item)} none="Never" />} />
        </Columns>
      </Card>
      <Card>
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton lines={1} height="h-64" />}
        {data &&
          (hours && hasRequests(hours) ? (
            <Bars
              title={`Requests a day of the last ${DAYS} days, by outcome`}
              {...foldHours(data.from, hours, 'day')}
              format={formatNumber}
            />
          ) : (
            <Empty title="Not used yet">Requests with this key appear here within a few seconds.</Empty>
          ))}
      </Card>
    </>
  )
}

const LIVE_MS = 5_000

function KeyLimits({ id }: { readonly id: string }) {
  const { data, error, refetch } = useRead('GET /auth/api-keys/{id}/limits', { params: { id } }, { every: LIVE_MS })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton lines={2} height="h-16" />
  const readings = [['Rate limit, a minute', data.ratelimit] as const, ...Object.entries(data.limits)]
  return (
    <Section title="Limits now" intro="Read again every five seconds.">
      <Card className="flex flex-col gap-4">
        {readings.map(([name, { limit, remaining, resets_at }]) => (
          <div key={name}>
            <Meter label={name} used={Math.max(0, limit - remaining)} limit={limit} format={formatNumber} />
            {resets_at && remaining < limit && (
              <p className="mt-1 text-small text-muted">All available again {formatTime(resets_at)}.</p>
            )}
          </div>
        ))}
      </Card>
    </Section>
  )
}

function Settings({ item }: { readonly item: ApiKey }) {
  return (
    <Card>
      <Facts
        facts={[
          ['Id', <Code key="id">{item.id}</Code>],
          [
            'Key',
            <Code key="hint" copy={false}>
              {item.key_hint}
            </Code>,
          ],
          ['Description', item.description ?? '–'],
          ['Scopes', item.scopes.length > 0 ? <Scopes key="scopes" scopes={item.scopes} /> : 'None'],
          [
            'Rate limit',
            item.custom_rate_limit === null ? 'That of the plan' : `${formatNumber(item.custom_rate_limit)} a minute`,
          ],
          ...item.limits.map(
            ({ name, limit, window_seconds }) =>
              [`Limit ${name}`, `${formatNumber(limit)} in ${describeWindow(window_seconds)}`] as const,
          ),
          ['Allowed addresses', item.allowed_ips?.join(', ') ?? 'Every address'],
          ['Expires', <Time key="expires" at={item.expires_at} none="Never" />],
          ['Created', <Time key="created" at={item.created_at} />],
          ...(item.rotated_from
            ? [['Replaced', <KeyLink key="from" id={item.rotated_from} name="The key before it" />] as const]
            : []),
          ...(item.replaced_by
            ? [['Replaced by', <KeyLink key="by" id={item.replaced_by} name="The key after it" />] as const]
            : []),
          [
            'Metadata',
            Object.keys(item.metadata).length > 0 ? (
              <code key="metadata" className="font-mono text-small break-all">
                {JSON.stringify(item.metadata)}
              </code>
            ) : (
              'None'
            ),
          ],
        ]}
      />
    </Card>
  )
}

const Scopes = ({ scopes }: { readonly scopes: readonly string[] }) => (
  <span className="flex flex-wrap gap-1">
    {scopes.map((scope) => (
      <Badge key={scope}>{scope}</Badge>
    ))}
  </span>
)

const KeyLink = ({ id, name }: { readonly id: string; readonly name: string }) => (
  <Link to={`/keys/${id}`} className={textLink}>
    {name}
  </Link>
)
