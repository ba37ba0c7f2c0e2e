import { type ReactNode, useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { StoredUsageEvent } from '../../api/types.ts'
import { formatMoney, formatName, formatNumber, formatTime, formatUtc } from '../../lib/format.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Textarea } from '../../ui/field.tsx'
import { Facts, Section } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

/** What the operator made of an event after it was reported; nothing where it is as it was. */
export function EventCorrection({ event }: { readonly event: StoredUsageEvent }) {
  const { correction } = event
  if (!correction) return null
  const { reason, corrected_at: at, corrected_by: by, original } = correction
  return (
    <Section
      title={correction.void ? 'Voided' : 'Corrected'}
      intro={correction.void ? 'It no longer counts.' : 'The amounts it counts were replaced.'}
    >
      <Facts
        facts={[
          ['Reason', <span className="wrap-anywhere">{reason}</span>],
          ['When', `${formatTime(at)} (${formatUtc(at)})`],
          ['By', by ? <Corrector type={by.type} id={by.id} /> : 'The operator'],
          ...changesOf(event, original),
        ]}
      />
    </Section>
  )
}

function Corrector({ type, id }: { readonly type: string; readonly id: string | null }) {
  const { user } = useSession()
  if (id !== null && id === user?.id) return <span>You</span>
  if (type !== 'user' || id === null)
    return (
      <span>
        {type === 'service' ? 'A service key' : formatName(type)} {id && <Code>{id}</Code>}
      </span>
    )
  return (
    <Link to={`/operator/users/${id}`} className={textLink}>
      {id}
    </Link>
  )
}

/** What the event said before, where that is something else now. */
function changesOf(event: StoredUsageEvent, original: Readonly<Record<string, unknown>>) {
  return Object.entries(event).flatMap(([name, now]): [string, ReactNode][] => {
    const was = original[name]
    if (was === undefined || textOf(name, was) === textOf(name, now)) return []
    return [[`${nameOf(name)} before`, textOf(name, was)]]
  })
}

const NAMES: Readonly<Record<string, string>> = {
  api_calls: 'API calls',
  key_id: 'API key',
  cost_usd: 'Cost',
  charge_usd: 'Charge',
}
const nameOf = (name: string) => NAMES[name] ?? formatName(name)

function textOf(name: string, value: unknown): string {
  if (value === null || value === '') return 'None'
  if (typeof value === 'number') return name === 'status_code' ? `${value}` : formatNumber(value)
  if (typeof value !== 'string') return JSON.stringify(value)
  return name.endsWith('_usd') ? formatMoney(value) : value
}

interface VoidEventProps {
  readonly event: StoredUsageEvent
  readonly organizationId: string
}

/** For the operator alone: makes an event count nowhere. */
export function VoidEvent({ event, organizationId }: VoidEventProps) {
  const { isAdministrator } = useSession()
  const [isAsked, setAsked] = useState(false)
  if (!isAdministrator || event.correction?.void) return null
  return (
    <>
      <Button onClick={() => setAsked(true)}>Void event</Button>
      {isAsked && <VoidDialog event={event} organizationId={organizationId} onClose={() => setAsked(false)} />}
    </>
  )
}

function VoidDialog({ event, organizationId, onClose }: VoidEventProps & { readonly onClose: () => void }) {
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange('POST /usage/corrections')
  const voidIt = () =>
    mutate(
      { body: { event_id: event.id, organization_id: organizationId, void: true, reason: reason.trim() } },
      {
        onSuccess() {
          onClose()
          toast('Event voided', 'It no longer counts.')
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Void event">
      <Form onSubmit={voidIt}>
        <p>
          What it counted is subtracted from the statistics, quotas, credits and overage of its period. The event stays
          in the list with its original values.
        </p>
        <ErrorNotice error={error} except={['reason']} />
        <Field label="Reason" hint="Customers see it with the event." error={error?.fieldError('reason')}>
          <Textarea autoFocus value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending}>
            Void event
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
