import { Button } from '../../ui/button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { useIsLate } from '../shared/use-is-late.ts'

interface ReturnedProps {
  /** The name of the plan that was paid for. */
  readonly name: string
  /** Whether it is in force. */
  readonly isHere: boolean
  readonly onDone: () => void
}

/** After a checkout: the payment is made, and the provider's word of it is on its way. */
export function Returned({ name, isHere, onDone }: ReturnedProps) {
  const isLate = useIsLate(!isHere)
  if (isHere)
    return (
      <Notice kind="good">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p>{`You are on ${name}. Its limits apply to all keys.`}</p>
          <Button look="quiet" onClick={onDone}>
            Close
          </Button>
        </div>
      </Notice>
    )
  return (
    <Notice kind={isLate ? 'warn' : 'info'}>
      {isLate ? (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="max-w-160">{`The payment for ${name} is not confirmed yet. It may take a few more minutes. You can leave this page, and you do not need to pay again.`}</p>
          <Button onClick={onDone}>Stop waiting</Button>
        </div>
      ) : (
        <p>{`Thank you. ${name} starts as soon as the payment is confirmed, usually within seconds. This page updates automatically.`}</p>
      )}
    </Notice>
  )
}
