import { useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { BillingInfo, CatalogPlan } from '../../api/types.ts'
import { formatName } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { useOwnMeters } from '../usage/own-meters.ts'
import { ChangeDialog } from './change-dialog.tsx'
import { Extras } from './extras.tsx'
import { StateNotices } from './notices.tsx'
import { actionFor, type PlanAction } from './plan-action.ts'
import { PlanCard } from './plan-card.tsx'
import { findPrice, isFallback, type Terms, termsOf } from './plan-price.ts'
import { Payment, Present, SubscriptionStatus } from './present.tsx'
import { Returned } from './returned.tsx'
import { TermsChoice } from './terms-choice.tsx'

/** How often the state is read while a payment's confirmation is on its way. */
const WAITING_MS = 2_000

interface Chosen {
  readonly plan: CatalogPlan
  readonly terms: Terms
  readonly action: PlanAction
}

export function Billing() {
  const [state, change] = useSearchState({ bought: '', checkout_id: '' })
  const { info, isHere } = useInfo(state.bought)
  const plans = useRead('GET /billing/plans')
  const [chosen, setChosen] = useState<Chosen>()
  const mayBuy = useMay('billing:write')
  const error = info.error ?? plans.error
  if (!info.data || !plans.data)
    return (
      <Page title="Billing">
        {error ? (
          <ErrorNotice error={error} onRetry={() => void Promise.all([info.refetch(), plans.refetch()])} />
        ) : (
          <Skeleton lines={3} height="h-28" />
        )}
      </Page>
    )
  const offered = plans.data.data
  const planName = (id: string) => offered.find((plan) => plan.id === id)?.name ?? formatName(id)
  const isWaiting = state.bought !== '' && !isHere
  return (
    <Page
      title="Billing"
      state={<SubscriptionStatus info={info.data} />}
      actions={mayBuy && <Cancel info={info.data} plans={offered} onChoose={setChosen} />}
    >
      {state.bought !== '' && (
        <Returned
          name={planName(state.bought)}
          isHere={isHere}
          onDone={() => change({ bought: '', checkout_id: '' })}
        />
      )}
      <StateNotices info={info.data} planName={planName} mayBuy={mayBuy} />
      <Present info={info.data} />
      <Extras info={info.data} plans={offered} mayBuy={mayBuy && !isWaiting} />
      <Plans info={info.data} plans={offered} mayBuy={mayBuy && !isWaiting} onChoose={setChosen} />
      <Payment info={info.data} mayBuy={mayBuy} />
      {chosen && <ChangeDialog {...chosen} info={info.data} onClose={() => setChosen(undefined)} />}
    </Page>
  )
}

/** The state of billing; after a checkout it is read again and again, until the plan that was bought is in force. */
function useInfo(bought: string) {
  const [isHere, setIsHere] = useState(false)
  const info = useRead('GET /auth/billing/info', {}, { every: bought !== '' && !isHere && WAITING_MS })
  if (bought !== '' && !isHere && info.data?.plan.id === bought) setIsHere(true)
  return { info, isHere }
}

/** The way back to the plan without a subscription. */
function Cancel({ info, plans, onChoose }: Omit<PlansProps, 'mayBuy'>) {
  const free = plans.find(isFallback)
  const terms = termsOf(info, plans)
  if (!free || actionFor(free, info, terms) !== 'cancel') return null
  return <Button onClick={() => onChoose({ plan: free, action: 'cancel', terms })}>Cancel subscription</Button>
}

interface PlansProps {
  readonly info: BillingInfo
  readonly plans: readonly CatalogPlan[]
  readonly mayBuy: boolean
  readonly onChoose: (chosen: Chosen) => void
}

function Plans({ info, plans, mayBuy, onChoose }: PlansProps) {
  const present = plans.find(({ id }) => id === info.plan.id)
  const [terms, setTerms] = useState(() => termsOf(info, plans))
  const own = useOwnMeters()
  return (
    <Section
      title="Plans"
      intro={
        present
          ? `Arrows show what is more or less than in ${present.name}. Limits are per month, for all keys together.`
          : `${info.plan.name} is not publicly available. Its limits are shown under Limits and alerts.`
      }
    >
      <TermsChoice info={info} plans={plans} terms={terms} onChange={setTerms} />
      {info.providers.length === 0 && <Notice>You cannot buy plans here. Contact us to change yours.</Notice>}
      <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {plans.map((plan) => {
          const action = actionFor(plan, info, terms)
          return (
            <PlanCard
              key={plan.id}
              plan={plan}
              present={present}
              own={own}
              action={action}
              price={findPrice(plan, terms)}
              isNext={info.subscription?.pending?.plan === plan.id}
              mayBuy={mayBuy}
              onChoose={() => onChoose({ plan, action, terms })}
            />
          )
        })}
      </ul>
    </Section>
  )
}
