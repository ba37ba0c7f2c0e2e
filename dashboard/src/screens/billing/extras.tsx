import { useState } from 'react'
import type { BillingInfo, CatalogPlan } from '../../api/types.ts'
import { formatPrice } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Field, Input } from '../../ui/field.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { type Choice, ConfirmChange } from './confirm-change.tsx'
import { findPrice } from './plan-price.ts'

interface ExtrasProps {
  readonly info: BillingInfo
  readonly plans: readonly CatalogPlan[]
  readonly mayBuy: boolean
}

/** States in which seats and add-ons can be changed. */
const CHANGEABLE = new Set(['trialing', 'active', 'past_due'])

/** The seats and add-ons of the subscription, where its plan sells any. */
export function Extras({ info, plans, mayBuy }: ExtrasProps) {
  const { subscription } = info
  const plan = plans.find(({ id }) => id === subscription?.plan)
  if (!subscription || !plan || !CHANGEABLE.has(subscription.status)) return null
  const price = findPrice(plan, subscription)
  const sellsSeats = subscription.seats !== null && price?.seat_amount_cents !== undefined
  const addons = subscription.provider === 'stripe' ? plan.addons : []
  if (!sellsSeats && addons.length === 0) return null
  return <Editor key={JSON.stringify(subscription)} {...{ subscription, plan, price, sellsSeats, addons, mayBuy }} />
}

interface EditorProps {
  readonly subscription: NonNullable<BillingInfo['subscription']>
  readonly plan: CatalogPlan
  readonly price: ReturnType<typeof findPrice>
  readonly sellsSeats: boolean
  readonly addons: CatalogPlan['addons']
  readonly mayBuy: boolean
}

function Editor({ subscription, plan, price, sellsSeats, addons, mayBuy }: EditorProps) {
  const now = Object.fromEntries(subscription.addons.map(({ id, quantity }) => [id, String(quantity)]))
  const [seats, setSeats] = useState(String(subscription.seats ?? ''))
  const [booked, setBooked] = useState<Readonly<Record<string, string>>>(now)
  const [asked, setAsked] = useState<Choice>()
  const choice: Choice = {
    ...(sellsSeats && { seats: Number(seats) }),
    ...(addons.length > 0 && {
      addons: addons
        .map(({ id }) => ({ id, quantity: Number(booked[id] ?? 0) }))
        .filter(({ quantity }) => quantity > 0),
    }),
  }
  const isSame =
    (!sellsSeats || seats === String(subscription.seats)) &&
    addons.every(({ id }) => Number(booked[id] ?? 0) === Number(now[id] ?? 0))
  return (
    <Section title="Seats and add-ons" intro="Increases take effect immediately, decreases with the next period.">
      <Card className="flex flex-col gap-4">
        {sellsSeats && price && (
          <Field
            label="Seats"
            hint={`${plan.seats?.included ?? 1} included. Each additional seat costs ${formatPrice(price.seat_amount_cents ?? 0, price.currency)} a ${price.interval}.`}
          >
            <Input
              inputMode="numeric"
              value={seats}
              disabled={!mayBuy}
              onChange={({ target }) => setSeats(target.value)}
            />
          </Field>
        )}
        {addons.map((addon) => (
          <Field key={addon.id} label={addon.name} hint={describeAddon(addon, subscription)}>
            <Input
              inputMode="numeric"
              value={booked[addon.id] ?? '0'}
              disabled={!mayBuy}
              onChange={({ target }) => setBooked({ ...booked, [addon.id]: target.value })}
            />
          </Field>
        ))}
        {mayBuy && (
          <div>
            <Button disabled={isSame} onClick={() => setAsked(choice)}>
              Change seats and add-ons
            </Button>
          </div>
        )}
      </Card>
      {asked && (
        <ConfirmChange
          title="Change seats and add-ons"
          action="Change"
          choice={asked}
          done="Seats and add-ons changed"
          onClose={() => setAsked(undefined)}
        />
      )}
    </Section>
  )
}

function describeAddon(
  { prices }: CatalogPlan['addons'][number],
  { interval, currency }: EditorProps['subscription'],
): string {
  const price = prices.find((one) => one.interval === interval && one.currency === currency)
  return price?.amount_cents
    ? `${formatPrice(price.amount_cents, currency)} a ${interval} each.`
    : 'At the agreed price.'
}
