import { useChange } from '../../api/hooks.ts'
import type { BillingInfo } from '../../api/types.ts'
import { formatDate, formatMoney, formatNumber, formatPrice } from '../../lib/format.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, Columns, Facts, Section, Stat } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { meterName } from '../usage/meters.ts'
import { useOwnMeters } from '../usage/own-meters.ts'
import { describePrice } from './plan-price.ts'
import { providerName } from './provider.ts'

const STATES: Readonly<Record<BillingInfo['status'], readonly [StatusKind, string]>> = {
  none: ['off', 'No subscription'],
  incomplete: ['waiting', 'First payment pending'],
  trialing: ['good', 'Trial'],
  active: ['good', 'Active'],
  past_due: ['bad', 'Payment failed'],
  paused: ['off', 'Paused'],
  canceled: ['ended', 'Canceled'],
  unpaid: ['bad', 'Unpaid'],
}

export function SubscriptionStatus({ info }: { readonly info: BillingInfo }) {
  const [kind, name] = STATES[info.status]
  return <Status kind={kind}>{name}</Status>
}

/** The plan in force, what it costs next, and what was used beyond it. */
export function Present({ info }: { readonly info: BillingInfo }) {
  const { plan, next_charge: next, overage } = info
  const own = useOwnMeters()
  const charged = Object.entries(overage.meters).filter(([, { units }]) => units > 0)
  return (
    <Card className="flex flex-col gap-4">
      <Columns of={3}>
        <Stat
          label="Current plan"
          value={plan.name}
          note={plan.price ? describePrice(plan.id, plan.price) : 'At the agreed price'}
        />
        <Stat
          label="Next charge"
          value={next ? formatPrice(next.amount_cents, next.currency) : info.subscription ? 'None known' : 'None'}
          note={
            next
              ? `${formatDate(next.at)}, before taxes and discounts`
              : info.subscription
                ? 'Overage is still charged'
                : 'Nothing will be charged'
          }
        />
        <Stat
          label="Overage so far"
          value={formatMoney(overage.total_usd)}
          note={`In this usage period, until ${formatDate(info.usage.resets_at)}`}
        />
      </Columns>
      {charged.length > 0 && (
        <Facts
          facts={charged.map(([meter, { units, amount_usd }]) => [
            meterName(meter, own),
            `${formatNumber(units)} above the limit, ${formatMoney(amount_usd)}`,
          ])}
        />
      )}
    </Card>
  )
}

interface PaymentProps {
  readonly info: BillingInfo
  readonly mayBuy: boolean
}

/** How it is paid, and where invoices are: on the provider's own page. */
export function Payment({ info, mayBuy }: PaymentProps) {
  const { mutate, isPending, isSuccess, error } = useChange('POST /billing/portal')
  const { subscription, payment_method: card } = info
  if (!subscription) return null
  const name = providerName(subscription.provider)
  const open = () =>
    mutate(
      { body: { return_url: `${location.origin}/dashboard/billing` } },
      { onSuccess: ({ url }) => location.assign(url) },
    )
  return (
    <Section
      title="Payment and invoices"
      intro={`${name} keeps your card, billing address and invoices on its own website.`}
      actions={
        mayBuy && (
          <Button busy={isPending || isSuccess} onClick={open}>
            {`Open ${name}`}
          </Button>
        )
      }
    >
      <ErrorNotice error={error} />
      <Card>
        <Facts
          facts={[
            [
              'Paid by',
              card
                ? `${card.brand} ending in ${card.last4}, valid until ${card.expires_month}/${card.expires_year}`
                : `On file with ${name}`,
            ],
            ['Paid period', periodText(subscription)],
            ['Invoices', `On the website of ${name}`],
          ]}
        />
      </Card>
    </Section>
  )
}

function periodText({ current_period_start: from, current_period_end: to }: NonNullable<BillingInfo['subscription']>) {
  if (!from || !to) return 'Not known'
  return `${formatDate(from)} until ${formatDate(to)}`
}
