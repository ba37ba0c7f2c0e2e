import { ArrowDown, ArrowUp, Dot } from 'lucide-react'
import type { CatalogPlan, CatalogPrice } from '../../api/types.ts'
import { formatPrice } from '../../lib/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/class.ts'
import type { OwnMeters } from '../usage/meters.ts'
import type { PlanAction } from './plan-action.ts'
import { comparePlans, type Difference, type PlanFact } from './plan-facts.ts'
import { describePrice } from './plan-price.ts'

interface PlanCardProps {
  readonly plan: CatalogPlan
  readonly present: CatalogPlan | undefined
  readonly own: OwnMeters
  readonly action: PlanAction
  readonly price: CatalogPrice | undefined
  readonly isNext: boolean
  readonly mayBuy: boolean
  readonly onChoose: () => void
}

/** A plan with its price and limits; what is more or less than now is marked. */
export function PlanCard({ plan, present, own, action, price, isNext, mayBuy, onChoose }: PlanCardProps) {
  const isPresent = action === 'present' || action === 'keep'
  const verb = VERBS[action]
  return (
    <li
      className={classes(
        'flex flex-col gap-4 rounded-lg border bg-raised p-4',
        isPresent ? 'border-accent' : 'border-line',
      )}
    >
      <div>
        <div className="flex items-center justify-between gap-2">
          <h3>{plan.name}</h3>
          {isPresent && <Badge strong>Your plan</Badge>}
          {isNext && <Badge>Next</Badge>}
        </div>
        <p className="text-large">{price ? priceText(plan, price) : 'On request'}</p>
        {plan.trial_days > 0 && action === 'buy' && (
          <p className="text-small text-muted">{`The first ${plan.trial_days} days are free.`}</p>
        )}
      </div>
      <dl className="flex flex-1 flex-col gap-1.5">
        {comparePlans(plan, present, own).map((fact) => (
          <Fact key={fact.id} fact={fact} />
        ))}
      </dl>
      {mayBuy && verb && (
        <Button wide onClick={onChoose}>
          {`${verb} ${plan.name}`}
        </Button>
      )}
      {action === 'ask' && <p className="text-small text-muted">Contact us for a price.</p>}
    </li>
  )
}

const VERBS: Readonly<Partial<Record<PlanAction, string>>> = {
  buy: 'Upgrade to',
  change: 'Change to',
  cancel: 'Go back to',
  keep: 'Keep',
}

function priceText(plan: CatalogPlan, price: CatalogPrice) {
  const { amount_cents: cents, seat_amount_cents: seat, currency, interval } = price
  if (cents === null) return 'On request'
  if (cents === 0) return describePrice(plan.id, price)
  return (
    <>
      {formatPrice(cents, currency)} <span className="text-base text-muted">{`a ${interval}`}</span>
      {seat !== undefined && (
        <span className="block text-small text-muted">{`${formatPrice(seat, currency)} for each additional seat`}</span>
      )}
    </>
  )
}

const MARKS = {
  more: { icon: ArrowUp, look: 'text-good', words: 'more than your plan' },
  less: { icon: ArrowDown, look: 'text-warn', words: 'less than your plan' },
  other: { icon: Dot, look: 'text-muted', words: 'different from your plan' },
} as const

function Fact({ fact: { name, value, note, difference } }: { readonly fact: PlanFact }) {
  return (
    <div className="flex justify-between gap-3">
      <dt className="font-normal text-muted">{name}</dt>
      <dd className={classes('text-right', difference !== 'same' && 'font-medium')}>
        {value}
        <Mark difference={difference} />
        {note && <span className="block text-small font-normal text-muted">{note}</span>}
      </dd>
    </div>
  )
}

function Mark({ difference }: { readonly difference: Difference }) {
  if (difference === 'same') return null
  const { icon: Icon, look, words } = MARKS[difference]
  return (
    <span className={classes('ml-1 inline-flex align-middle', look)} title={words}>
      <Icon aria-hidden className="size-3.5" />
      <span className="sr-only">{`, ${words}`}</span>
    </span>
  )
}
