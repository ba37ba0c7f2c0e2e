import { CircleAlert, CircleCheck, CircleDashed, CircleMinus, CircleX, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { classes } from './class.ts'

/** Each meaning has a shape beside its color. */
const KINDS = {
  good: { icon: CircleCheck, look: 'text-good' },
  warn: { icon: TriangleAlert, look: 'text-warn' },
  bad: { icon: CircleAlert, look: 'text-bad' },
  ended: { icon: CircleX, look: 'text-muted' },
  off: { icon: CircleMinus, look: 'text-muted' },
  waiting: { icon: CircleDashed, look: 'text-muted' },
} as const

export type StatusKind = keyof typeof KINDS

/** A state, as a word with its shape. */
export function Status({ kind, children }: { readonly kind: StatusKind; readonly children: ReactNode }) {
  const { icon: Icon, look } = KINDS[kind]
  return (
    <span className={classes('inline-flex items-center gap-1.5 whitespace-nowrap', look)}>
      <Icon aria-hidden className="size-3.5 shrink-0" />
      {children}
    </span>
  )
}

/** A short fact about a thing, such as its plan. */
export function Badge({ children, strong = false }: { readonly children: ReactNode; readonly strong?: boolean }) {
  return (
    <span
      className={classes(
        'inline-flex items-center rounded border px-1.5 text-small font-normal whitespace-nowrap',
        strong ? 'border-accent bg-accent-soft text-accent' : 'border-line bg-surface text-muted',
      )}
    >
      {children}
    </span>
  )
}

/** Whether something is for live or for test traffic. */
export const Environment = ({ name }: { readonly name: string }) => <Badge strong={name === 'live'}>{name}</Badge>
