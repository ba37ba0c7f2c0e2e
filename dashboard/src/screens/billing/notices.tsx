import type { ReactNode } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { BillingInfo } from '../../api/types.ts'
import { formatDate } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { providerName } from './provider.ts'

interface StateNoticesProps {
  readonly info: BillingInfo
  readonly planName: (id: string) => string
  readonly mayBuy: boolean
}

/** What is about to happen to the subscription, and the way out of it. */
export function StateNotices({ info, planName, mayBuy }: StateNoticesProps) {
  const { subscription } = info
  if (!subscription) return null
  const end = subscription.current_period_end
  const at = end ? `on ${formatDate(end)}` : 'with the paid period'
  const bought = planName(subscription.plan)
  if (subscription.status === 'past_due' || subscription.status === 'unpaid')
    return (
      <Notice kind="bad">
        <p className="font-medium">
          {subscription.past_due_since
            ? `A payment has failed since ${formatDate(subscription.past_due_since)}.`
            : 'A payment has failed.'}
        </p>
        <p>
          {subscription.status === 'past_due'
            ? `${bought} stays active for a few days. Pay or change the card on the website of ${providerName(subscription.provider)}, or the limits of the free plan will apply.`
            : `The limits of ${info.plan.name} apply until it is paid. Pay on the website of ${providerName(subscription.provider)}.`}
        </p>
      </Notice>
    )
  if (subscription.status === 'paused')
    return (
      <WithResume mayBuy={mayBuy} done={`${bought} continues`}>
        {`${bought} is paused: nothing is charged, and the limits of ${info.plan.name} apply. Resume it to return to ${bought}.`}
      </WithResume>
    )
  if (subscription.cancel_at_period_end && subscription.status !== 'canceled')
    return (
      <WithResume mayBuy={mayBuy} done={`${bought} continues`}>
        {`${bought} ends ${at}. After that, the free plan's limits apply. Resume it before then to keep it.`}
      </WithResume>
    )
  if (subscription.pause_at_period_end)
    return <Notice kind="warn">{`${bought} pauses ${at}. Nothing is charged while it is paused.`}</Notice>
  if (subscription.pending)
    return (
      <Notice>{`${describePending(subscription, planName)} starts ${at}. Until then, nothing changes. To cancel the change, choose Keep ${bought} below.`}</Notice>
    )
  if (subscription.status === 'trialing' && subscription.trial_end)
    return (
      <Notice>{`The trial of ${bought} ends on ${formatDate(subscription.trial_end)}; you are charged from then on.`}</Notice>
    )
  return null
}

type Subscription = NonNullable<BillingInfo['subscription']>

function describePending({ pending, plan, interval, seats }: Subscription, planName: (id: string) => string): string {
  if (!pending) return ''
  const parts = [
    planName(pending.plan),
    pending.interval === interval && pending.plan !== plan ? '' : `by the ${pending.interval}`,
    pending.seats === null || pending.seats === seats ? '' : `with ${pending.seats} seats`,
  ]
  return parts.filter(Boolean).join(' ')
}

interface WithResumeProps {
  readonly mayBuy: boolean
  /** What is said when it is done. */
  readonly done: string
  readonly children: ReactNode
}

function WithResume({ mayBuy, done, children }: WithResumeProps) {
  const { mutate, isPending, error } = useChange('POST /billing/resume')
  return (
    <>
      <Notice kind="warn">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="max-w-160">{children}</p>
          {mayBuy && (
            <Button busy={isPending} onClick={() => mutate({ body: {} }, { onSuccess: () => toast(done) })}>
              Resume subscription
            </Button>
          )}
        </div>
      </Notice>
      <ErrorNotice error={error} />
    </>
  )
}
