import { useEffect, useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { AlertAmounts, describeAlertAmount } from './alert-amounts.tsx'
import type { OwnMeters } from './meters.ts'

const INTRO =
  'The first time in a period that a quota passes one of these percentages, or usage reaches one of these amounts, owners and admins get an email and webhook endpoints get an event.'

interface ThresholdsProps {
  /** Whose they are, where the operator looks at them. */
  readonly customer?: string
  readonly own: OwnMeters
}

/** At which percentages of a quota and at which amounts people are told. */
export function Thresholds({ customer, own }: ThresholdsProps) {
  const mayChange = useMay('usage:alerts') || customer !== undefined
  const query = customer === undefined ? {} : { organization_id: customer }
  const { data, error, refetch } = useRead('GET /usage/alerts/thresholds', { query })
  return (
    <Section title="Alert thresholds" intro={INTRO}>
      <Card className="flex flex-col gap-6">
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton lines={2} />}
        {data && mayChange && (
          <>
            <ThresholdForm thresholds={data.thresholds} isDefault={data.is_default} query={query} />
            <AlertAmounts key={JSON.stringify(data.amounts)} amounts={data.amounts} own={own} query={query} />
          </>
        )}
        {data && !mayChange && <p>{describe(data.thresholds)}</p>}
        {data && !mayChange && data.amounts.length > 0 && (
          <p>{`At ${data.amounts.map((one) => describeAlertAmount(one, own)).join(', ')}.`}</p>
        )}
      </Card>
    </Section>
  )
}

const describe = (thresholds: readonly number[]) =>
  thresholds.length === 0
    ? 'Only when a limit is reached.'
    : `At ${thresholds.map((one) => `${one}%`).join(', ')}, and when a limit is reached.`

const write = (thresholds: readonly number[]) => thresholds.join(', ')

function ThresholdForm({
  thresholds,
  isDefault,
  query,
}: {
  readonly thresholds: readonly number[]
  readonly isDefault: boolean
  readonly query: { readonly organization_id?: string }
}) {
  const saved = write(thresholds)
  const [text, setText] = useState(saved)
  useEffect(() => setText(saved), [saved])
  const [wrong, setWrong] = useState<string>()
  const { mutate, isPending, error } = useChange('PUT /usage/alerts/thresholds')

  function submit(): void {
    const numbers = text.split(/[\s,;%]+/).filter((one) => one !== '')
    const isReadable = numbers.every((one) => /^\d+$/.test(one))
    setWrong(isReadable ? undefined : 'Enter whole numbers separated by commas, such as 50, 80, 95.')
    if (isReadable) save(numbers.map(Number))
  }
  function save(next: number[] | null): void {
    mutate({ query, body: { thresholds: next } }, { onSuccess: () => toast('Thresholds saved') })
  }

  return (
    <Form onSubmit={submit}>
      <Field
        label="Percentages of a limit"
        hint="Up to ten, from 1 to 1,000. You are always notified at the limit itself. Values above 100 are for quotas that continue as overage."
        error={wrong ?? error?.fieldError('thresholds')}
      >
        <Input value={text} inputMode="numeric" autoComplete="off" onChange={({ target }) => setText(target.value)} />
      </Field>
      <ErrorNotice error={error} except={['thresholds']} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" busy={isPending} disabled={text === saved}>
          Save thresholds
        </Button>
        {!isDefault && (
          <Button busy={isPending} onClick={() => save(null)}>
            Restore default
          </Button>
        )}
      </div>
    </Form>
  )
}
