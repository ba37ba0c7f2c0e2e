import { useEffect, useRef, useState } from 'react'
import { callRaw } from '../../api/client.ts'
import { ApiError, unreachable } from '../../api/problem.ts'
import { formatDate, formatShort } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Choice, Fieldset, Form } from '../../ui/field.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { lengthInDays, type Span } from './range.ts'

interface ExportDialogProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly span: Span
}

type What = 'events' | 'daily'

/** What one file of events may span. */
const EVENT_DAYS = 35

/** Saves usage as a CSV file. The dialog may be closed meanwhile: the file is written all the same. */
export function ExportDialog({ open, onClose, span }: ExportDialogProps) {
  const isTooLong = lengthInDays(span) > EVENT_DAYS
  const [chosen, setChosen] = useState<What>('daily')
  const what = isTooLong ? 'daily' : chosen
  const { bytes, error, start, stop } = useExport()
  const isRunning = bytes !== undefined
  return (
    <Dialog open={open} onClose={onClose} title="Export usage">
      <Form onSubmit={() => start(what, span)}>
        <p>
          {`From ${formatDate(span.from)} ${span.to ? `up to but not including ${formatDate(span.to)}` : 'until now'}, as a CSV file.`}
        </p>
        <Fieldset legend="File contents">
          <Choice
            type="radio"
            name="what"
            label="Daily sums"
            hint="One row per day (UTC), key, endpoint, status, provider and model."
            checked={what === 'daily'}
            disabled={isRunning}
            onChange={() => setChosen('daily')}
          />
          <Choice
            type="radio"
            name="what"
            label="Single events"
            hint={
              isTooLong
                ? `At most ${EVENT_DAYS} days: choose a shorter range.`
                : 'One row per event, with addresses and metadata.'
            }
            checked={what === 'events'}
            disabled={isTooLong || isRunning}
            onChange={() => setChosen('events')}
          />
        </Fieldset>
        {isRunning && (
          <Notice>
            {`${formatShort(Math.ceil(bytes / 1_000))} kB received. You can close this dialog and stay on this screen; the file is saved when it is complete.`}
          </Notice>
        )}
        <ErrorNotice error={error} />
        <Actions>
          {isRunning ? <Button onClick={stop}>Stop</Button> : <Button onClick={onClose}>Close</Button>}
          <Button type="submit" look="primary" busy={isRunning}>
            {isRunning ? 'Exporting' : 'Export CSV'}
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

function useExport() {
  const [bytes, setBytes] = useState<number>()
  const [error, setError] = useState<ApiError>()
  const running = useRef<AbortController>(undefined)
  useEffect(() => () => running.current?.abort(), [])

  async function run(what: What, span: Span): Promise<void> {
    const controller = new AbortController()
    running.current = controller
    setError(undefined)
    setBytes(0)
    try {
      const answer = await callRaw('GET /usage/export', { query: { ...span, what }, signal: controller.signal })
      save(await readAll(answer, setBytes), fileName(answer))
      toast('Usage exported')
    } catch (caught) {
      if (!controller.signal.aborted) setError(caught instanceof ApiError ? caught : unreachable())
    } finally {
      setBytes(undefined)
    }
  }
  return {
    bytes,
    error,
    start: (what: What, span: Span) => void run(what, span),
    stop: () => running.current?.abort(),
  }
}

/** @throws if the transfer breaks: half a file is no file */
async function readAll(answer: Response, onBytes: (count: number) => void): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  let count = 0
  const reader = answer.body?.getReader()
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    parts.push(next.value)
    count += next.value.byteLength
    onBytes(count)
  }
  return new Blob(parts, { type: 'text/csv' })
}

const fileName = (answer: Response) =>
  /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'usage.csv'

function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
