import { useEffect, useState } from 'react'
import { type List, useList, useRead } from '../../api/hooks.ts'
import type { Credits, SpendCap } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Columns, Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { CreditFigures } from '../shared/credits/figures.tsx'
import { GrantsTable } from '../shared/credits/grants-table.tsx'
import { CreditLedger } from '../shared/credits/ledger-table.tsx'
import { BuyCredits } from './buy-credits.tsx'
import { LowBalance } from './low-balance.tsx'
import { BalanceNotice, NoCredits, ReturnedFromPayment } from './notices.tsx'
import { SpendCapSection } from './spend-cap.tsx'

/** How often the ledger is read while a payment's confirmation is on its way. */
const WAITING_MS = 2_000
/** After a payment: how much, the ledger's row of the purchase before it, and what the provider adds. */
const STATE = { bought: '', after: '', checkout_id: '' }

export function CreditsScreen() {
  const [state] = useSearchState(STATE)
  const maySeeBilling = useMay('billing:read')
  const { credits, ledger, purchase, isHere } = useCredits(state, maySeeBilling)
  const cap = useRead('GET /billing/spend-cap', {}, { enabled: maySeeBilling })
  const isReady = !maySeeBilling || (ledger.rows && cap.data) // or what is below would jump
  if (credits.data && isReady)
    return (
      <Loaded
        credits={credits.data}
        cap={cap.data}
        ledger={maySeeBilling ? ledger : undefined}
        purchase={purchase}
        isHere={isHere}
      />
    )
  const reads = [credits, ledger, cap]
  const failed = reads.find((read) => read.error)
  return (
    <Page title="Credits">
      {failed ? (
        <ErrorNotice error={failed.error} onRetry={() => void Promise.all(reads.map((read) => read.refetch()))} />
      ) : (
        <Skeleton lines={3} height="h-28" />
      )}
    </Page>
  )
}

interface LoadedProps {
  readonly credits: Credits
  /** Absent for those who may not see what is paid. */
  readonly cap: SpendCap | undefined
  readonly ledger: List<'GET /credits/ledger'> | undefined
  readonly purchase: string | undefined
  readonly isHere: boolean
}

function Loaded({ credits, cap, ledger, purchase, isHere }: LoadedProps) {
  const [{ bought }, change] = useSearchState(STATE)
  const mayBuy = useMay('billing:write')
  const [isBuying, setIsBuying] = useState(false)
  const usesCredits = credits.uses_credits
  const buy = mayBuy && (
    <Button look="primary" onClick={() => setIsBuying(true)}>
      Buy credits
    </Button>
  )
  return (
    <Page title="Credits" intro="Prepaid, in US dollars. Charges are deducted from them." actions={usesCredits && buy}>
      {bought !== '' && <ReturnedFromPayment amount={bought} isHere={isHere} onDone={() => change(STATE)} />}
      {usesCredits ? (
        <Balance credits={credits} />
      ) : (
        <NoCredits action={buy} goesOn={credits.at_no_credits === 'allow'} />
      )}
      <Columns>
        {cap && <SpendCapSection cap={cap} mayChange={mayBuy} />}
        {usesCredits && <LowBalance credits={credits} />}
      </Columns>
      {usesCredits && ledger && (
        <Section
          title="Ledger"
          intro="Every change to the balance. Charges are deducted within a minute, several at a time."
        >
          <CreditLedger list={ledger} />
        </Section>
      )}
      {isBuying && <BuyCredits latestPurchase={purchase} onClose={() => setIsBuying(false)} />}
    </Page>
  )
}

function Balance({ credits }: { readonly credits: Credits }) {
  return (
    <>
      <BalanceNotice credits={credits} />
      <CreditFigures credits={credits} />
      <Section title="Grants" intro="Grants with credits left, in the order they are used.">
        <GrantsTable grants={credits.grants} />
      </Section>
    </>
  )
}

/** Balance and ledger; after a payment they are read again and again, until a purchase is there that was not before. */
function useCredits({ bought, after }: { bought: string; after: string }, maySeeBilling: boolean) {
  const [isHere, setIsHere] = useState(false)
  const credits = useRead('GET /credits')
  const ledger = useList(
    'GET /credits/ledger',
    { query: { limit: 20 } },
    { every: bought !== '' && !isHere && WAITING_MS, enabled: maySeeBilling },
  )
  const purchase = ledger.rows?.find(({ kind, source }) => kind === 'grant' && source === 'purchase')?.id
  if (bought !== '' && !isHere && purchase !== undefined && purchase !== after) setIsHere(true)
  const { refetch } = credits
  useEffect(() => {
    if (isHere) void refetch()
  }, [isHere, refetch])
  return { credits, ledger, purchase, isHere }
}
