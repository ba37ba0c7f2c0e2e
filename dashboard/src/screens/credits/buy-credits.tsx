import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import { readTypedDecimal } from '../../lib/typed-number.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { providerName } from '../billing/provider.ts'
import { MoneyField } from '../shared/money-field.tsx'

const USUAL = ['10', '25', '50', '100'] as const

interface BuyCreditsProps {
  /** The ledger's row of the latest purchase, by which the next one is told apart. */
  readonly latestPurchase: string | undefined
  readonly onClose: () => void
}

/** Asks how much, and goes to the page of the payment provider. */
export function BuyCredits({ latestPurchase, onClose }: BuyCreditsProps) {
  const [text, setText] = useState('25')
  const { data } = useRead('GET /auth/billing/info')
  const { mutate, isPending, isSuccess, error } = useChange('POST /billing/top-up')
  const canPay = data?.providers.length !== 0
  function pay(): void {
    const here = `${location.origin}/dashboard/credits`
    const amount = readTypedDecimal(text)
    const back = new URLSearchParams({ bought: amount, ...(latestPurchase && { after: latestPurchase }) })
    mutate(
      { body: { amount, success_url: `${here}?${back}`, cancel_url: here } },
      { onSuccess: ({ url }) => location.assign(url) },
    )
  }
  return (
    <Dialog open onClose={onClose} title="Buy credits">
      <Form onSubmit={pay}>
        {!canPay && <Notice>You cannot buy credits here. Contact us to get some.</Notice>}
        <ErrorNotice error={error} except={['amount']} />
        <MoneyField
          label="Amount in US dollars"
          hint="From $1 to $10,000, before taxes."
          error={error?.fieldError('amount')}
          autoFocus
          value={text}
          onChange={setText}
        />
        <div className="flex flex-wrap gap-2" role="group" aria-label="Usual amounts">
          {USUAL.map((amount) => (
            <Button key={amount} aria-pressed={readTypedDecimal(text) === amount} onClick={() => setText(amount)}>
              {`$${amount}`}
            </Button>
          ))}
        </div>
        <p className="text-muted">
          {`You pay on the website of ${payPlace(data?.providers)} and then come back here. The credits arrive within seconds and never expire.`}
        </p>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending || isSuccess} disabled={!canPay || text.trim() === ''}>
            Go to checkout
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

const payPlace = (providers: readonly ('polar' | 'stripe')[] = []) =>
  providers.length === 1 && providers[0] ? providerName(providers[0]) : 'the payment provider'
