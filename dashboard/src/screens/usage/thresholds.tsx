import { useEffect, useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'

const INTRO =
  'Owners and admins get an email, and your webhook endpoints an event, the first time in a period that a quota passes one of these percentages.'

/** At which percentages of a quota people are told. */
export function Thresholds() {
  const mayChange = useMay('usage:alerts')
  const { data, error, refetch } = useRead('GET /usage/alerts/thresholds')
  return (
    <Section title="Alert thresholds" intro={INTRO}>
      <Card>
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton lines={2} />}
        {data && mayChange && <ThresholdForm thresholds={data.thresholds} isDefault={data.is_default} />}
        {data && !mayChange && <p>{describe(data.thresholds)}</p>}
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
}: {
  readonly thresholds: readonly number[]
  readonly isDefault: boolean
}) {
  const saved = write(thresholds)
  const [text, setText] = useState(saved)
  useEffect(() => setText(saved), [saved])
  const [wrong, setWrong] = useState<string>()
  const { mutate, isPending, error } = useChange('PUT /usage/alerts/thresholds')

  function submit(): void {
    const numbers = text.split(/[\s,;%]+/).filter((one) => one !== '')
    const isReadable = numbers.every((one) => /^\d+$/.test(one))
    setWrong(isReadable ? undefined : 'Write whole numbers with commas between them, such as 50, 80, 95.')
    if (isReadable) save(numbers.map(Number))
  }
  function save(next: number[] | null): void {
    mutate({ body: { thresholds: next } }, { onSuccess: () => toast('Thresholds saved') })
  }

  return (
    <Form onSubmit={submit}>
      <Field
        label="Percentages of a limit"
        hint="Up to ten, from 1 to 1,000. Reaching the limit itself is always told. Above 100 they are for quotas that continue as overage."
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
