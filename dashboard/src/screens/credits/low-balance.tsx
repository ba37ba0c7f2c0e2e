import { useEffect, useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { Credits } from '../../api/types.ts'
import { readTypedDecimal } from '../../lib/typed-number.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Form } from '../../ui/field.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { formatExact } from '../shared/credits/words.ts'
import { MoneyField } from '../shared/money-field.tsx'

/** At which balance people are told. */
export function LowBalance({ credits }: { readonly credits: Credits }) {
  const mayChange = useMay('usage:alerts')
  return (
    <Section title="Low balance" intro="Webhook endpoints are notified once, until the next grant.">
      <Card>
        {mayChange ? <LowBalanceForm credits={credits} /> : <p>{`At ${formatExact(credits.low_balance)} or below.`}</p>}
      </Card>
    </Section>
  )
}

function LowBalanceForm({ credits: { low_balance, is_low_balance_default } }: { readonly credits: Credits }) {
  const saved = String(Number(low_balance))
  const [text, setText] = useState(saved)
  useEffect(() => setText(saved), [saved])
  const { mutate, isPending, error } = useChange('PUT /credits/low-balance')
  const save = (next: string | null) =>
    mutate({ body: { low_balance: next } }, { onSuccess: () => toast('Low balance saved') })
  return (
    <Form onSubmit={() => save(readTypedDecimal(text))}>
      <MoneyField
        label="Balance in US dollars"
        hint={is_low_balance_default ? 'Currently 20% of the latest grant.' : 'The default is 20% of the latest grant.'}
        error={error?.fieldError('low_balance')}
        value={text}
        onChange={setText}
      />
      <ErrorNotice error={error} except={['low_balance']} />
      <div className="flex flex-wrap gap-2">
        <Button
          type="submit"
          look="primary"
          busy={isPending}
          disabled={readTypedDecimal(text) === saved || text.trim() === ''}
        >
          Save low balance
        </Button>
        {!is_low_balance_default && (
          <Button busy={isPending} onClick={() => save(null)}>
            Restore default
          </Button>
        )}
      </div>
    </Form>
  )
}
