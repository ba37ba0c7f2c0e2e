import type { Credits } from '../../../api/types.ts'
import { formatMoney } from '../../../lib/format.ts'
import { Card, Columns, Stat } from '../../../ui/layout.tsx'
import { formatExact } from './words.ts'

/** The balance, and what stands against it. */
export function CreditFigures({ credits }: { readonly credits: Credits }) {
  return (
    <Card>
      <Columns of={4}>
        <Stat label="Balance" value={<Money amount={credits.balance} />} note="Left across all grants" />
        <Stat label="Held" value={<Money amount={credits.held} />} note="By open reservations" />
        <Stat label="Owed" value={<Money amount={credits.owed} />} note="Deducted from the next credits" />
        <Stat
          label="Low balance"
          value={<Money amount={credits.low_balance} />}
          note={credits.is_low_balance_default ? '20% of the latest grant' : 'Chosen by the organization'}
        />
      </Columns>
    </Card>
  )
}

/** To the cent, with all decimals on hover. */
const Money = ({ amount }: { readonly amount: string }) => (
  <span title={formatExact(amount)}>{formatMoney(amount)}</span>
)
