import { useChange } from '../../api/hooks.ts'
import type { BillingInfo, CataloguePlan } from '../../api/types.ts'
import { formatDate } from '../../lib/format.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { describeAmount } from '../usage/meters.ts'
import type { PlanAction } from './plan-action.ts'
import { exceededBy, formatPrice } from './plan-facts.ts'
import { providerName } from './provider.ts'

interface ChangeDialogProps {
  readonly plan: CataloguePlan
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

function Buy({ plan, info, onClose }: ChangeDialogProps) {
  const { mutate, isPending, isSuccess, error } = useChange('POST /billing/checkout')
  const here = `${location.origin}/dashboard/billing`
  const pay = () =>
    mutate(
      { body: { plan: plan.id, success_url: `${here}?bought=${encodeURIComponent(plan.id)}`, cancel_url: here } },
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
      <p>{`${plan.name} costs ${price(plan)} a month. You pay on the page of ${payPlace(info)} and come back here.`}</p>
      <p>The new limits hold as soon as the payment is confirmed, usually within seconds. Nothing is charged before.</p>
    </Confirm>
  )
}

function Change({ plan, action, info, onClose }: ChangeDialogProps) {
  const { mutate, isPending, error } = useChange('POST /billing/change')
  const done = () => {
    toast(action === 'downgrade' ? `${plan.name} begins with the next period` : `You are on ${plan.name}`)
    onClose()
  }
  const { title, verb } = WORDS[action] ?? { title: 'Change to', verb: 'Change to' }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`${title} ${plan.name}`}
      action={`${verb} ${plan.name}`}
      onConfirm={() => mutate({ body: { plan: plan.id } }, { onSuccess: done })}
      busy={isPending}
      error={error}
      destructive={false}
    >
      <Consequences plan={plan} action={action} info={info} />
    </Confirm>
  )
}

const WORDS: Readonly<Partial<Record<PlanAction, { title: string; verb: string }>>> = {
  upgrade: { title: 'Upgrade to', verb: 'Upgrade to' },
  downgrade: { title: 'Change to', verb: 'Change to' },
  keep: { title: 'Keep', verb: 'Keep' },
}

function Consequences({ plan, action, info }: Omit<ChangeDialogProps, 'onClose'>) {
  const end = endText(info)
  if (action === 'keep')
    return (
      <p>{`The change to ${info.subscription?.pending_plan ?? 'another plan'} is taken back. ${plan.name} goes on at ${price(plan)} a month.`}</p>
    )
  if (action === 'upgrade')
    return (
      <>
        <p>{`${plan.name} is in force at once, with its limits.`}</p>
        <p>
          {`Your card is charged now: ${plan.name}'s price for the rest of the period${end && ` (${end})`}, less what is left of ${info.plan.name}. From then on it is ${price(plan)} a month.`}
        </p>
      </>
    )
  return (
    <>
      <p>{`${info.plan.name} stays in force ${end || 'until the paid period ends'}. ${plan.name} then begins, at ${price(plan)} a month. Nothing is charged now.`}</p>
      <Exceeded plan={plan} info={info} />
    </>
  )
}

/** Warns of usage that the smaller plan would refuse. */
function Exceeded({ plan, info }: Pick<ChangeDialogProps, 'plan' | 'info'>) {
  const meters = exceededBy(plan, info.usage.meters)
  if (meters.length === 0) return null
  const list = meters.map((meter) => describeAmount(meter, info.usage.meters[meter].used)).join(', ')
  return (
    <Notice kind="warn">
      {`This period you have used ${list}. That is more than ${plan.name} allows: as much use would be refused.`}
    </Notice>
  )
}

function CancelDialog({ plan, info, onClose }: ChangeDialogProps) {
  const { mutate, isPending, error } = useChange('POST /billing/cancel')
  const end = endText(info)
  const done = () => {
    toast('Subscription canceled', end ? `${info.plan.name} stays in force ${end}.` : undefined)
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
      <p>{`${info.plan.name} stays in force ${end || 'until the paid period ends'}. After that you are on ${plan.name}, and its limits hold for all keys.`}</p>
      <p>Overage until then is still charged. You can resume the subscription before it ends.</p>
      <Exceeded plan={plan} info={info} />
    </Confirm>
  )
}

const price = ({ price_per_month_cents: cents, currency }: CataloguePlan) => formatPrice(cents ?? 0, currency)

function endText({ subscription }: BillingInfo): string {
  const end = subscription?.current_period_end
  return end ? `until ${formatDate(end)}` : ''
}

const payPlace = ({ providers }: BillingInfo) =>
  providers.length === 1 && providers[0] ? providerName(providers[0]) : 'the payment provider'
