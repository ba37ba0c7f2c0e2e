import { useChange } from '../../api/hooks.ts'
import type { BillingInfo, CatalogPlan } from '../../api/types.ts'
import { formatDate } from '../../lib/format.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { describeAmount } from '../usage/meters.ts'
import { useOwnMeters } from '../usage/own-meters.ts'
import { ConfirmChange } from './confirm-change.tsx'
import type { PlanAction } from './plan-action.ts'
import { exceededBy } from './plan-facts.ts'
import { describePrice, findPrice, type Terms } from './plan-price.ts'
import { providerName } from './provider.ts'

interface ChangeDialogProps {
  readonly plan: CatalogPlan
  readonly terms: Terms
  readonly action: PlanAction
  readonly info: BillingInfo
  readonly onClose: () => void
}

/** Says what a change of the plan does and when, and does it. */
export function ChangeDialog(props: ChangeDialogProps) {
  if (props.action === 'buy') return <Buy {...props} />
  if (props.action === 'cancel') return <CancelDialog {...props} />
  return <Change {...props} />
}

function Buy({ plan, terms, info, onClose }: ChangeDialogProps) {
  const { mutate, isPending, isSuccess, error } = useChange('POST /billing/checkout')
  const here = `${location.origin}/dashboard/billing`
  const price = findPrice(plan, terms)
  const pay = () =>
    mutate(
      {
        body: {
          plan: plan.id,
          ...(price && { interval: price.interval, currency: price.currency }),
          success_url: `${here}?bought=${encodeURIComponent(plan.id)}`,
          cancel_url: here,
        },
      },
      { onSuccess: ({ url }) => location.assign(url) },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Upgrade to ${plan.name}`}
      action="Go to checkout"
      onConfirm={pay}
      busy={isPending || isSuccess}
      error={error}
      destructive={false}
    >
      <p>{`${plan.name}: ${price ? describePrice(plan.id, price) : 'At the agreed price'}. You pay on the website of ${payPlace(info)} and then come back here.`}</p>
      {plan.trial_days > 0 && <p>{`The first ${plan.trial_days} days of your first subscription are free.`}</p>}
      <p>
        The new limits take effect as soon as the payment is confirmed, usually within seconds. Nothing is charged
        before then.
      </p>
    </Confirm>
  )
}

function Change({ plan, action, terms, info, onClose }: ChangeDialogProps) {
  const isKept = action === 'keep'
  return (
    <ConfirmChange
      title={`${isKept ? 'Keep' : 'Change to'} ${plan.name}`}
      action={`${isKept ? 'Keep' : 'Change to'} ${plan.name}`}
      choice={{ plan: plan.id, interval: terms.interval, ...(isKept && keptExtras(info)) }}
      done={isKept ? `${plan.name} continues` : `Changed to ${plan.name}`}
      onClose={onClose}
    >
      {isKept && <p>The scheduled change is canceled.</p>}
      <Exceeded plan={plan} info={info} />
    </ConfirmChange>
  )
}

/** Seats and add-ons as they are, whatever was to come. */
function keptExtras({ subscription }: BillingInfo) {
  if (!subscription) return {}
  return {
    ...(subscription.seats !== null && { seats: subscription.seats }),
    addons: subscription.addons,
  }
}

/** Warns of usage that the smaller plan would refuse. */
function Exceeded({ plan, info }: Pick<ChangeDialogProps, 'plan' | 'info'>) {
  const own = useOwnMeters()
  const meters = exceededBy(plan, info.usage.meters)
  if (meters.length === 0) return null
  const list = meters.map(({ meter, used }) => describeAmount(meter, used, own)).join(', ')
  return (
    <Notice kind="warn">
      {`You have used ${list} this period. ${plan.name} allows less, so further calls would be refused.`}
    </Notice>
  )
}

function CancelDialog({ plan, info, onClose }: ChangeDialogProps) {
  const { mutate, isPending, error } = useChange('POST /billing/cancel')
  const end = endText(info)
  const done = () => {
    toast('Subscription canceled', end ? `${info.plan.name} stays active ${end}.` : undefined)
    onClose()
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Cancel ${info.plan.name}`}
      action="Cancel subscription"
      onConfirm={() => mutate({ body: {} }, { onSuccess: done })}
      busy={isPending}
      error={error}
    >
      <p>{`${info.plan.name} stays active ${end || 'until the paid period ends'}. After that, you are on ${plan.name}, and its limits apply to all keys.`}</p>
      <p>Overage until then is still charged. You can resume the subscription before it ends.</p>
      <Exceeded plan={plan} info={info} />
    </Confirm>
  )
}

function endText({ subscription }: BillingInfo): string {
  const end = subscription?.current_period_end
  return end ? `until ${formatDate(end)}` : ''
}

const payPlace = ({ providers }: BillingInfo) =>
  providers.length === 1 && providers[0] ? providerName(providers[0]) : 'the payment provider'
