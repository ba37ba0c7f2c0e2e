import type { ReactNode } from 'react'
import type { Credits } from '../../api/types.ts'
import { formatMoney } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { useIsLate } from '../shared/use-is-late.ts'

/** What credits are, where there are none yet. */
export function NoCredits({ action, goesOn }: { readonly action: ReactNode; readonly goesOn: boolean }) {
  return (
    <Empty title="You use no credits" action={action}>
      <p>
        Credits are prepaid. Once you have some, each charge is deducted from the balance.
        {goesOn ? ' When nothing is left, your plan continues.' : ' Calls are refused when nothing is left.'}
      </p>
      <p className="mt-2">Until then, your calls do not need credits and nothing changes.</p>
    </Empty>
  )
}

/** Warns before calls are refused, and when they are; or says that they go on. */
export function BalanceNotice({ credits }: { readonly credits: Credits }) {
  const balance = Number(credits.balance)
  if (credits.at_no_credits === 'allow') return <GoesOnNotice credits={credits} />
  if (balance <= 0) return <Notice kind="bad">No credits are left. Calls are refused until credits are added.</Notice>
  if (balance <= Number(credits.held))
    return (
      <Notice kind="warn">
        Open reservations hold the rest of the balance. Other calls are refused until they end.
      </Notice>
    )
  if (balance <= Number(credits.low_balance))
    return <Notice kind="warn">The balance is low. When nothing is left, calls are refused.</Notice>
  return null
}

function GoesOnNotice({ credits: { balance, low_balance } }: { readonly credits: Credits }) {
  const [left, low] = [Number(balance), Number(low_balance)]
  if (left <= 0)
    return <Notice kind="info">No credits are left. Calls continue, by the limits and prices of your plan.</Notice>
  if (left <= low)
    return <Notice kind="info">The balance is low. When nothing is left, calls continue without credits.</Notice>
  return null
}

interface ReturnedProps {
  /** As it was asked for. */
  readonly amount: string
  /** Whether the credits are there. */
  readonly isHere: boolean
  readonly onDone: () => void
}

/** After a payment, whose confirmation is on its way. */
export function ReturnedFromPayment({ amount, isHere, onDone }: ReturnedProps) {
  const isLate = useIsLate(!isHere)
  const credits = Number(amount) > 0 ? `${formatMoney(amount)} of credits` : 'Your credits'
  const text = isHere
    ? `${credits} were added.`
    : isLate
      ? 'The payment is not confirmed yet. It may take a few more minutes. You can leave this page, and you do not need to pay again.'
      : `Thank you. ${credits} are added as soon as the payment is confirmed, usually within seconds. This page updates automatically.`
  return (
    <Notice kind={isHere ? 'good' : isLate ? 'warn' : 'info'}>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-160">{text}</p>
        {(isHere || isLate) && (
          <Button look={isHere ? 'quiet' : 'secondary'} onClick={onDone}>
            {isHere ? 'Close' : 'Stop waiting'}
          </Button>
        )}
      </div>
    </Notice>
  )
}
