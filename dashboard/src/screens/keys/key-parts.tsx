import { useMemo } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { ApiKey, KeyUsageDataItem } from '../../api/types.ts'
import { Bars } from '../../charts/bars.tsx'
import { formatMoney, formatNumber, formatShort, formatTime } from '../../lib/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Columns, Facts, Section, Stat } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { useOwnMeters } from '../usage/own-meters.ts'
import { endsAt, isRevoked } from './key-status.ts'
import { describeLimit } from './limit-form.ts'
import { named, type OfCustomer } from './of-customer.ts'
import { daysAgo, foldHours } from './outcomes.ts'

interface ItemProps extends OfCustomer {
  readonly item: ApiKey
}

const DAYS = 30

const hasRequests = ({ succeeded, limited, refused, failed }: KeyUsageDataItem) =>
  [succeeded, limited, refused, failed].some((values) => values.some((value) => value > 0))

/** How often a key was used lately, with what outcome. */
export function KeyUsage({ item, ...customer }: ItemProps) {
  const from = useMemo(() => daysAgo(DAYS - 1), [])
  const { data, error, refetch } = useRead('GET /usage/keys', { query: { key_ids: item.id, from, ...named(customer) } })
  const hours = data?.data[0]
  return (
    <>
      <Card>
        <Columns of={3}>
          <Stat label="Total requests" value={formatShort(item.total_requests)} />
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
              title={`Requests per day in the last ${DAYS} days, by outcome`}
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

/** What is left of a key's limits right now. */
export function KeyLimits({ id, ...customer }: { readonly id: string } & OfCustomer) {
  const input = { params: { id }, query: named(customer) }
  const { data, error, refetch } = useRead('GET /auth/api-keys/{id}/limits', input, { every: LIVE_MS })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton lines={2} height="h-16" />
  const readings = [['Rate limit per minute', data.ratelimit] as const, ...Object.entries(data.limits)]
  return (
    <Section title="Current limits" intro="Updates every five seconds.">
      <Card className="flex flex-col gap-4">
        {readings.map(([name, { limit, remaining, resets_at }]) => (
          <div key={name}>
            <Meter
              label={name}
              used={Math.max(0, Number(limit) - Number(remaining))}
              limit={Number(limit)}
              format={typeof limit === 'string' ? formatMoney : formatNumber}
            />
            {resets_at && Number(remaining) < Number(limit) && (
              <p className="mt-1 text-small text-muted">All available again {formatTime(resets_at)}.</p>
            )}
          </div>
        ))}
      </Card>
    </Section>
  )
}

export function KeySettings({ item, customer }: ItemProps) {
  const own = useOwnMeters()
  const linkTo = (id: string) => (customer ? `/operator/keys/${id}?customer=${customer}` : `/keys/${id}`)
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
            item.custom_rate_limit === null ? 'From the plan' : `${formatNumber(item.custom_rate_limit)} per minute`,
          ],
          ...item.limits.map((limit) => [`Limit ${limit.name}`, describeLimit(limit, own)] as const),
          ...(item.max_concurrent === null
            ? []
            : [['Concurrent reservations', formatNumber(item.max_concurrent)] as const]),
          ['Allowed addresses', item.allowed_ips?.join(', ') ?? 'Any address'],
          ['Expires', <Time key="expires" at={item.expires_at} none="Never" />],
          ['Created', <Time key="created" at={item.created_at} />],
          ...(item.rotated_from
            ? [['Replaced', <KeyLink key="from" to={linkTo(item.rotated_from)} name="The key before it" />] as const]
            : []),
          ...(item.replaced_by
            ? [['Replaced by', <KeyLink key="by" to={linkTo(item.replaced_by)} name="The key after it" />] as const]
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

const KeyLink = ({ to, name }: { readonly to: string; readonly name: string }) => (
  <Link to={to} className={textLink}>
    {name}
  </Link>
)
