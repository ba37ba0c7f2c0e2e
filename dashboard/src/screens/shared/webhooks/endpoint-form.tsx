import { useState } from 'react'
import type { ApiError } from '../../../api/problem.ts'
import type { UpdateWebhookEndpointRequest, WebhookEndpoint } from '../../../api/types.ts'
import { WEBHOOK_EVENTS } from '../../../api/words.ts'
import { formatName } from '../../../lib/format.ts'
import { Button } from '../../../ui/button.tsx'
import { Actions } from '../../../ui/dialog.tsx'
import { Choice, Field, Fieldset, Form, Input } from '../../../ui/field.tsx'
import { ErrorNotice } from '../../../ui/notice.tsx'
import { eventGroups } from './api.ts'

type EventType = NonNullable<UpdateWebhookEndpointRequest['events']>[number]

interface EndpointFields {
  readonly url: string
  readonly description: string | null
  /** Empty for all. */
  readonly events: EventType[]
}

interface EndpointFormProps {
  readonly endpoint?: WebhookEndpoint
  /** The verb of the button. */
  readonly action: string
  readonly omitted: readonly string[]
  readonly busy: boolean
  readonly error: ApiError | null
  readonly onSubmit: (fields: EndpointFields) => void
  readonly onCancel: () => void
}

/** Where events go, and which. */
export function EndpointForm({ endpoint, action, omitted, busy, error, onSubmit, onCancel }: EndpointFormProps) {
  const [url, setUrl] = useState(endpoint?.url ?? '')
  const [description, setDescription] = useState(endpoint?.description ?? '')
  const [isForAll, setIsForAll] = useState(!endpoint || endpoint.events.length === 0)
  const [chosen, setChosen] = useState<readonly string[]>(endpoint?.events ?? [])
  const isMissing = !isForAll && chosen.length === 0
  function submit() {
    if (isMissing) return
    onSubmit({
      url: url.trim(),
      description: description.trim() || null,
      events: (isForAll ? [] : chosen) as EventType[],
    })
  }
  return (
    <Form onSubmit={submit}>
      <Field label="URL" hint="A public https address." error={error?.fieldError('url')}>
        <Input
          type="url"
          value={url}
          placeholder="https://example.com/webhooks"
          onChange={({ target }) => setUrl(target.value)}
        />
      </Field>
      <Field label="Description" optional error={error?.fieldError('description')}>
        <Input value={description} onChange={({ target }) => setDescription(target.value)} />
      </Field>
      <Fieldset legend="Events">
        <Choice
          type="radio"
          name="which"
          label="All events"
          hint="Including events that later versions add."
          checked={isForAll}
          onChange={() => setIsForAll(true)}
        />
        <Choice
          type="radio"
          name="which"
          label="Chosen events"
          checked={!isForAll}
          onChange={() => setIsForAll(false)}
        />
        {!isForAll && <EventPicker omitted={omitted} chosen={chosen} onChange={setChosen} />}
      </Fieldset>
      <ErrorNotice error={error} except={['url', 'description']} />
      <Actions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabled={isMissing}>
          {action}
        </Button>
      </Actions>
    </Form>
  )
}

interface EventPickerProps {
  readonly omitted: readonly string[]
  readonly chosen: readonly string[]
  readonly onChange: (chosen: readonly string[]) => void
}

function EventPicker({ omitted, chosen, onChange }: EventPickerProps) {
  const toggle = (type: string) =>
    onChange(chosen.includes(type) ? chosen.filter((one) => one !== type) : [...chosen, type])
  return (
    <div className="flex flex-col gap-4 border-l border-line pl-4">
      {eventGroups(omitted).map(([group, types]) => (
        <Fieldset key={group} legend={formatName(group)}>
          {types.map((type) => (
            <Choice
              key={type}
              label={<code className="font-mono text-small">{type}</code>}
              hint={WEBHOOK_EVENTS[type]?.replaceAll('`', '')}
              checked={chosen.includes(type)}
              onChange={() => toggle(type)}
            />
          ))}
        </Fieldset>
      ))}
    </div>
  )
}
