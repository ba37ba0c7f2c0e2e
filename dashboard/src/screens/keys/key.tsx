import { useParams } from '@tanstack/react-router'
import { Suspense } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Page } from '../../ui/layout.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import type { Detail } from './key-details.tsx'
import { KeyLimits, KeySettings, KeyUsage } from './key-parts.tsx'
import { useKeyHead } from './use-key-head.tsx'

const KeyDetail = lazyPart(async () => (await import('./key-details.tsx')).KeyDetail)

const DETAILS: ReadonlySet<string> = new Set<Detail>(['endpoints', 'events', 'reservations', 'audit'])
const isDetail = (tab: string): tab is Detail => DETAILS.has(tab)

const TABS = [
  ['usage', 'Usage'],
  ['endpoints', 'Endpoints'],
  ['events', 'Events'],
  ['reservations', 'Reservations'],
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
  const hidden = { audit: !useMay('audit:read'), events: !useMay('usage:events') }
  const { dialogs, ...head } = useKeyHead(item, useMay('keys:write'))
  const isHidden = (name: string) => name in hidden && hidden[name as keyof typeof hidden]
  return (
    <Page
      {...head}
      above={
        <Link to="/keys" className={textLink}>
          API keys
        </Link>
      }
    >
      <Tabs
        label="Views of the key"
        value={tab}
        tabs={TABS.filter(([name]) => !isHidden(name))}
        onChange={(next) => change({ tab: next })}
      />
      <TabContent tab={isHidden(tab) ? 'usage' : tab} item={item} />
      {dialogs}
    </Page>
  )
}

function TabContent({ tab, item }: { readonly tab: string; readonly item: ApiKey }) {
  if (isDetail(tab))
    return (
      <Suspense fallback={<Skeleton lines={4} />}>
        <KeyDetail detail={tab} item={item} />
      </Suspense>
    )
  if (tab === 'limits') return <KeyLimits id={item.id} />
  if (tab === 'settings') return <KeySettings item={item} />
  return <KeyUsage item={item} />
}
