import { useList, useRead } from '../../api/hooks.ts'
import type { BillingInfo } from '../../api/types.ts'
import { formatDate, formatMoney, formatName, formatNumber, formatPrice } from '../../lib/format.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Card, Columns, Facts, Section, Stat } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { meterName } from './meters.ts'
import { usePlans } from './plans.ts'

export function CustomerBilling({ id }: { readonly id: string }) {
  const { data, error, refetch } = useRead('GET /auth/billing/info', { query: { organization_id: id } })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton lines={4} />
  return (
    <>
      <Figures info={data} />
      <Subscription info={data} />
      <Ledger id={id} />
    </>
  )
}

function Figures({ info: { plan, next_charge, overage } }: { readonly info: BillingInfo }) {
  const { price } = plan
  const own = useMetersOfAll()
  return (
    <Card>
      <Columns of={3}>
        <Stat
          label="Plan"
          value={plan.name}
          note={
            price?.amount_cents == null
              ? 'Agreed in person'
              : `${formatPrice(price.amount_cents, price.currency)} a ${price.interval}`
          }
        />
        <Stat
          label="Overage this period"
          value={formatMoney(overage.total_usd)}
          note={
            Object.entries(overage.meters)
              .map(([meter, { units }]) => `${meterName(meter, own)}: ${formatNumber(units)}`)
              .join(' · ') || 'Nothing above the limits'
          }
        />
        <Stat
          label="Next charge"
          value={next_charge ? charge(next_charge) : '–'}
          note={next_charge ? formatDate(next_charge.at) : 'None planned'}
        />
      </Columns>
    </Card>
  )
}

const charge = ({ amount_cents, currency }: NonNullable<BillingInfo['next_charge']>) =>
  formatPrice(amount_cents, currency)

const KINDS: Readonly<Record<string, StatusKind>> = {
  active: 'good',
  trialing: 'good',
  past_due: 'warn',
  unpaid: 'bad',
  paused: 'off',
  canceled: 'ended',
  incomplete: 'waiting',
}

function Subscription({ info }: { readonly info: BillingInfo }) {
  const { planName } = usePlans()
  const { subscription: one, payment_method: card } = info
  if (!one)
    return (
      <Section title="Subscription">
        <Empty title="No subscription">You set this customer’s plan, or it is the default plan.</Empty>
      </Section>
    )
  const ends = one.cancel_at_period_end ? ' · ends then' : one.pause_at_period_end ? ' · pauses then' : ''
  return (
    <Section title="Subscription">
      <Card>
        <Facts
          facts={[
            ['Status', <Status kind={KINDS[one.status] ?? 'off'}>{formatName(one.status)}</Status>],
            ['Provider', formatName(one.provider)],
            ['Plan', `${planName(one.plan)}, version ${one.plan_version}`],
            ['Billed', `Every ${one.interval}, in ${one.currency.toUpperCase()}`],
            ...(one.seats === null ? [] : [['Seats', formatNumber(one.seats)] as const]),
            ...(one.addons.length === 0
              ? []
              : [['Add-ons', one.addons.map(({ id, quantity }) => `${quantity} × ${id}`).join(', ')] as const]),
            ...(one.pending_plan === null ? [] : [['Next plan', planName(one.pending_plan)] as const]),
            ['Period ends', one.current_period_end === null ? '–' : `${formatDate(one.current_period_end)}${ends}`],
            ...(one.past_due_since === null
              ? []
              : [['Payment failing since', <Time at={one.past_due_since} />] as const]),
            ...(one.trial_end === null ? [] : [['Trial ends', <Time at={one.trial_end} />] as const]),
            ['Payment method', card ? `${formatName(card.brand)}, ending in ${card.last4}` : '–'],
          ]}
        />
      </Card>
    </Section>
  )
}

const STATES: Readonly<Record<string, StatusKind>> = {
  pending: 'waiting',
  sent: 'good',
  refused: 'bad',
  unknown: 'warn',
  written_off: 'ended',
}

function Ledger({ id }: { readonly id: string }) {
  const list = useList('GET /admin/ledger', { query: { organization_id: id, limit: 20 } })
  const own = useMetersOfAll()
  return (
    <Section
      title="Overage ledger"
      actions={
        <Link to={`/operator/ledger?organization_id=${id}`} className={textLink}>
          Open in ledger
        </Link>
      }
    >
      <Table
        {...listProps(list)}
        label="Overage ledger"
        rowId={(row) => row.id}
        empty={<Empty title="No overage yet">Usage above a limit that allows overage is charged here, once.</Empty>}
        columns={[
          { name: 'Meter', cell: ({ meter }) => meterName(meter, own) },
          { name: 'Period', cell: ({ period_start }) => formatDate(period_start) },
          { name: 'Units', numeric: true, cell: ({ units }) => formatNumber(units) },
          { name: 'Amount', numeric: true, cell: ({ amount_usd }) => formatMoney(amount_usd) },
          {
            name: 'State',
            cell: ({ state, error }) => (
              <span title={error ?? undefined}>
                <Status kind={STATES[state] ?? 'off'}>{formatName(state)}</Status>
              </span>
            ),
          },
          { name: 'Created', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
    </Section>
  )
}
