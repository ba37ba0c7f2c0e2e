import { useParams } from '@tanstack/react-router'
import { Suspense, useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { formatName } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Page } from '../../ui/layout.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { Menu } from '../../ui/menu.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Time } from '../../ui/time.tsx'
import type { CustomerActionName } from './customer-actions.tsx'
import { CustomerAudit } from './customer-audit.tsx'
import { CustomerUsage } from './customer-usage.tsx'
import { CustomerStatus } from './customers.tsx'
import { usePlans } from './plans.ts'

const TABS = [
  ['usage', 'Usage'],
  ['keys', 'Keys'],
  ['members', 'Members'],
  ['billing', 'Billing'],
  ['credits', 'Credits'],
  ['limits', 'Limits and overrides'],
  ['webhooks', 'Webhooks'],
  ['audit', 'Audit'],
] as const

// no part of the screen's first load
const CustomerAction = lazyPart(async () => (await import('./customer-actions.tsx')).CustomerAction)
const CustomerBilling = lazyPart(async () => (await import('./customer-billing.tsx')).CustomerBilling)
const CustomerCredits = lazyPart(async () => (await import('./customer-credits.tsx')).CustomerCredits)
const CustomerKeys = lazyPart(async () => (await import('./customer-keys.tsx')).CustomerKeys)
const CustomerLimits = lazyPart(async () => (await import('./customer-limits.tsx')).CustomerLimits)
const CustomerMembers = lazyPart(async () => (await import('./customer-members.tsx')).CustomerMembers)
const CustomerWebhooks = lazyPart(async () => (await import('./customer-webhooks.tsx')).CustomerWebhooks)

const above = (
  <Link to="/operator/customers" className={textLink}>
    Customers
  </Link>
)

export function Customer() {
  const { id = '' } = useParams({ strict: false })
  const { data, error, refetch } = useRead('GET /admin/organizations/{organization_id}', {
    params: { organization_id: id },
  })
  if (error && data?.id !== id)
    return (
      <Page title="Customer" above={above}>
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Page>
    )
  if (!data || data.id !== id)
    return (
      <Page title="Customer" above={above}>
        <Skeleton lines={6} />
      </Page>
    )
  return <Loaded key={id} customer={data} />
}

function Loaded({ customer }: { readonly customer: AdminOrganization }) {
  const [{ tab }, change] = useSearchState({ tab: 'usage' })
  const [action, setAction] = useState<CustomerActionName>()
  return (
    <Page
      title={customer.name}
      above={above}
      state={<State customer={customer} />}
      intro={<Ids customer={customer} />}
      actions={<HeadActions customer={customer} onAct={setAction} />}
    >
      {customer.suspended_at !== null && (
        <Notice kind="bad">
          Suspended <Time at={customer.suspended_at} />: {customer.suspended_reason ?? 'no reason was given'}. Its keys
          are refused.
        </Notice>
      )}
      <Tabs label="About this customer" value={tab} tabs={TABS} onChange={(next) => change({ tab: next })} />
      <Suspense fallback={<Skeleton lines={4} />}>
        <Tab name={tab} customer={customer} />
      </Suspense>
      <Suspense>
        {action && <CustomerAction name={action} customer={customer} onClose={() => setAction(undefined)} />}
      </Suspense>
    </Page>
  )
}

/** Plan and status. That it is a trial is asked for apart: the organization itself does not say it. */
function State({ customer }: { readonly customer: AdminOrganization }) {
  const { planName } = usePlans()
  const { data } = useRead('GET /auth/billing/info', { query: { organization_id: customer.id } })
  const status = data?.organization_id === customer.id ? data.status : 'none'
  return (
    <>
      <Badge strong>{planName(customer.plan)}</Badge>
      <CustomerStatus {...customer} />
      {status === 'trialing' && <Status kind="waiting">{formatName(status)}</Status>}
    </>
  )
}

function Ids({ customer: { id, external_id, email } }: { readonly customer: AdminOrganization }) {
  return (
    <span className="flex flex-wrap items-center gap-x-6 gap-y-0.5 text-small">
      <Labeled name="Id" value={id} />
      {external_id !== null && <Labeled name="External id" value={external_id} />}
      {email !== null && (
        <span>
          Contact <span className="text-ink">{email}</span>
        </span>
      )}
    </span>
  )
}

const Labeled = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <span className="inline-flex max-w-full items-center gap-1.5">
    <span className="shrink-0">{name}</span>
    <span className="min-w-0 text-ink">
      <Code>{value}</Code>
    </span>
  </span>
)

interface HeadActionsProps {
  readonly customer: AdminOrganization
  readonly onAct: (name: CustomerActionName) => void
}

function HeadActions({ customer: { is_platform, suspended_at }, onAct }: HeadActionsProps) {
  if (is_platform) return <Button onClick={() => onAct('edit')}>Edit details</Button>
  const toggle = suspended_at === null ? 'suspend' : 'resume'
  return (
    <>
      <Menu
        trigger={<Button>More</Button>}
        items={[
          { label: 'Edit details', onSelect: () => onAct('edit') },
          {
            label: toggle === 'suspend' ? 'Suspend' : 'Resume',
            onSelect: () => onAct(toggle),
            destructive: toggle === 'suspend',
          },
          { label: 'Delete', onSelect: () => onAct('delete'), destructive: true },
        ]}
      />
      <Button look="primary" onClick={() => onAct('plan')}>
        Change plan
      </Button>
    </>
  )
}

function Tab({ name, customer }: { readonly name: string; readonly customer: AdminOrganization }) {
  switch (name) {
    case 'keys':
      return <CustomerKeys customer={customer} />
    case 'members':
      return <CustomerMembers customer={customer} />
    case 'billing':
      return <CustomerBilling id={customer.id} />
    case 'credits':
      return <CustomerCredits customer={customer} />
    case 'limits':
      return <CustomerLimits customer={customer} />
    case 'webhooks':
      return <CustomerWebhooks id={customer.id} />
    case 'audit':
      return <CustomerAudit id={customer.id} />
    default:
      return <CustomerUsage id={customer.id} />
  }
}
