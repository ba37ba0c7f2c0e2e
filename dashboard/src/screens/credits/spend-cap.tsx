import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { SpendCap } from '../../api/types.ts'
import { formatDate, formatMoney } from '../../lib/format.ts'
import { readTypedDecimal } from '../../lib/typed-number.ts'
import { Button } from '../../ui/button.tsx'
import { Choice, Fieldset, Form } from '../../ui/field.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { MoneyField } from '../shared/money-field.tsx'

const ACTIONS = {
  block: ['Refuse calls', 'Calls that would exceed the cap are refused until the period ends.'],
  alert: ['Notify only', 'Owners and admins get an email, and webhook endpoints get an event. Calls continue.'],
} as const

type Action = keyof typeof ACTIONS

interface SpendCapProps {
  readonly cap: SpendCap
  readonly mayChange: boolean
}

/** What the organization lets itself be charged, whether or not it uses credits. */
export function SpendCapSection({ cap, mayChange }: SpendCapProps) {
  return (
    <Section title="Spend cap" intro="The most a usage period may cost you, with or without credits.">
      <Card className="flex flex-col gap-4">
        <Used cap={cap} />
        {mayChange && <CapForm key={`${cap.cost_usd} ${cap.action}`} cap={cap} />}
      </Card>
    </Section>
  )
}

function Used({ cap: { cost_usd, action, used, resets_at } }: { readonly cap: SpendCap }) {
  const until = `until ${formatDate(resets_at)}`
  if (cost_usd === null) return <p>{`No cap is set. This period, ${until}, has cost ${formatMoney(used)} so far.`}</p>
  return (
    <div className="flex flex-col gap-1.5">
      <Meter
        label="Used so far"
        used={Number(used)}
        limit={Number(cost_usd)}
        format={(amount) => formatMoney(amount)}
      />
      <p className="text-small text-muted">
        {`In this period, ${until}. At the cap, ${action === 'alert' ? 'you are notified and calls continue' : 'calls are refused'}.`}
      </p>
    </div>
  )
}

function CapForm({ cap }: { readonly cap: SpendCap }) {
  const saved = cap.cost_usd === null ? '' : String(Number(cap.cost_usd))
  const [text, setText] = useState(saved)
  const [action, setAction] = useState<Action>(cap.action ?? 'block')
  const { mutate, isPending, error } = useChange('PUT /billing/spend-cap')
  const save = () =>
    mutate({ body: { cost_usd: readTypedDecimal(text), action } }, { onSuccess: () => toast('Spend cap saved') })
  const remove = () => mutate({ body: { cost_usd: null } }, { onSuccess: () => toast('Spend cap removed') })
  const isSame = readTypedDecimal(text) === saved && action === (cap.action ?? 'block')
  return (
    <Form onSubmit={save}>
      <MoneyField label="Cap in US dollars" error={error?.fieldError('cost_usd')} value={text} onChange={setText} />
      <Fieldset legend="At the cap">
        {(Object.keys(ACTIONS) as Action[]).map((one) => (
          <Choice
            key={one}
            type="radio"
            name="action"
            checked={action === one}
            onChange={() => setAction(one)}
            label={ACTIONS[one][0]}
            hint={ACTIONS[one][1]}
          />
        ))}
      </Fieldset>
      <ErrorNotice error={error} except={['cost_usd']} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" busy={isPending} disabled={isSame || text.trim() === ''}>
          Save cap
        </Button>
        {cap.cost_usd !== null && (
          <Button busy={isPending} onClick={remove}>
            Remove cap
          </Button>
        )}
      </div>
    </Form>
  )
}
