import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { isSameName } from '../../lib/same-name.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmField } from '../../ui/confirm-field.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { AS_TYPED, Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

interface EraseSubjectProps {
  /** Whom the row is of; undefined for somebody who is not among the largest. */
  readonly subject: string | undefined
  readonly onClose: () => void
}

/** Takes a person out of the usage. Nothing brings back who they were, so their name is typed. */
export function EraseSubject({ subject, onClose }: EraseSubjectProps) {
  const [text, setText] = useState('')
  const { mutate, error, isPending } = useChange('POST /usage/subjects/erase')
  const isReady = subject === undefined ? text !== '' : isSameName(text, subject)
  const erase = () =>
    mutate(
      { body: { subject: subject ?? text } },
      {
        onSuccess() {
          toast('Subject erased', 'Personal data in their events is deleted within about two hours.')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={subject === undefined ? 'Erase a subject' : `Erase ${subject}`}>
      <Form onSubmit={() => isReady && erase()}>
        <div className="flex flex-col gap-2">
          <p>
            <strong className="font-medium">Deleted immediately:</strong> their row in these statistics. Their totals
            are merged with those of all erased subjects.
          </p>
          <p>
            <strong className="font-medium">Deleted within about two hours:</strong> subject, address, user agent and
            metadata of their events.
          </p>
          <p>
            <strong className="font-medium">Stays:</strong> the events without these details, and their usage. Totals,
            quotas, credits and invoices do not change. Later requests with this subject count as a new subject.
          </p>
        </div>
        {subject === undefined ? (
          <Field label="Subject" error={error?.fieldError('subject')} hint="Exactly as in your requests.">
            <Input {...AS_TYPED} value={text} onChange={({ target }) => setText(target.value)} />
          </Field>
        ) : (
          <ConfirmField name={subject} error={error?.fieldError('subject')} value={text} onChange={setText} />
        )}
        <ErrorNotice error={error} except={['subject']} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending} disabled={!isReady}>
            Erase subject
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
