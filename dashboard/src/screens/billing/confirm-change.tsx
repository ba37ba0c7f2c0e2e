import { type ReactNode, useEffect } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { ChangePreview } from '../../api/types.ts'
import { formatDate, formatPrice } from '../../lib/format.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/layout.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'

/** What the subscription is to have; what is absent stays. */
export interface Choice {
  readonly plan?: string
  readonly interval?: 'month' | 'year'
  readonly seats?: number
  readonly addons?: { id: string; quantity: number }[]
}

interface ConfirmChangeProps {
  readonly title: string
  readonly action: string
  readonly choice: Choice
  /** What is said when it is done. */
  readonly done: string
  readonly onClose: () => void
  readonly children?: ReactNode
}

/** Says what a change costs and when it begins, and makes it. */
export function ConfirmChange({ title, action, choice, done, onClose, children }: ConfirmChangeProps) {
  const preview = useChange('POST /billing/preview')
  const { mutate, isPending, error } = useChange('POST /billing/change')
  const { mutate: look } = preview
  const body = JSON.stringify(choice)
  useEffect(() => look({ body: JSON.parse(body) as Choice }), [look, body])
  const change = () =>
    mutate(
      { body: choice },
      {
        onSuccess() {
          toast(preview.data?.when === 'period_end' ? `${done}, starting next period` : done)
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={title}
      action={action}
      onConfirm={change}
      busy={isPending}
      error={error ?? preview.error}
      destructive={false}
    >
      {preview.data ? <Cost preview={preview.data} /> : !preview.error && <Skeleton lines={3} />}
      {children}
    </Confirm>
  )
}

function Cost({ preview }: { readonly preview: ChangePreview }) {
  const { when, lines, due_now_cents: due, then_cents: then, then_at, begins_at, currency, interval } = preview
  const money = (cents: number) => formatPrice(cents, currency)
  if (when === null) return <p>Your subscription already has this.</p>
  const later = `It starts ${begins_at ? `on ${formatDate(begins_at)}` : 'when the paid period ends'}. Nothing is charged now.`
  return (
    <>
      <p>{when === 'period_end' ? later : describeNow(due, money)}</p>
      <Facts
        facts={[
          ...lines.map(({ description, amount_cents }) => [description, money(amount_cents)] as const),
          ...(then === null
            ? []
            : [
                [
                  `Then every ${interval}`,
                  then_at ? `${money(then)}, next on ${formatDate(then_at)}` : money(then),
                ] as const,
              ]),
        ]}
      />
      <p className="text-small text-muted">Before taxes, discounts and credit.</p>
    </>
  )
}

function describeNow(due: number | null, money: (cents: number) => string): string {
  if (due === null) return 'It starts immediately. The amount charged now is the one you agreed on with us.'
  if (due === 0) return 'It starts immediately, and nothing is charged now.'
  return due > 0
    ? `It starts immediately. ${money(due)} is charged now.`
    : `It starts immediately. ${money(-due)} is credited.`
}
