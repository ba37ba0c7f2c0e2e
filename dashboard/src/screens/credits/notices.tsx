import type { ReactNode } from 'react'
import type { Credits } from '../../api/types.ts'
import { formatMoney } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { useIsLate } from '../shared/use-is-late.ts'

/** What credits are, where there are none yet. */
export function NoCredits({ action }: { readonly action: ReactNode }) {
  return (
    <Empty title="You use no credits" action={action}>
      <p>
        Credits are paid before they are used. From the first ones on, each charge takes its price from the balance, and
        calls are refused when nothing is left.
      </p>
      <p className="mt-2">Until then your calls need no credits, and nothing changes.</p>
    </Empty>
  )
}

/** Warns before calls are refused, and when they are. */
export function BalanceNotice({ credits }: { readonly credits: Credits }) {
  const balance = Number(credits.balance)
  if (balance <= 0) return <Notice kind="bad">No credits are left. Calls are refused until there are new ones.</Notice>
  if (balance <= Number(credits.held))
    return <Notice kind="warn">Open reservations hold all that is left. Other calls are refused until they end.</Notice>
  if (balance <= Number(credits.low_balance))
    return <Notice kind="warn">The balance is low. When nothing is left, calls are refused.</Notice>
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
      ? 'The payment is not confirmed yet. It may take some minutes more; you can leave this page, and need not pay again.'
      : `Thank you. ${credits} are added as soon as the payment is confirmed, usually within seconds. This page shows it by itself.`
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
