import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { Session } from '../../api/types.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { describeError } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { describeDevice } from './device.ts'

const COLUMNS: readonly Column<Session>[] = [
  {
    name: 'Device',
    cell: ({ user_agent, is_current }) => (
      <span className="inline-flex max-w-full items-center gap-2" title={user_agent ?? ''}>
        <span className="truncate">{describeDevice(user_agent)}</span>
        {is_current && <Badge strong>This device</Badge>}
      </span>
    ),
  },
  { name: 'Address', cell: ({ ip }) => ip ?? '–', width: '11rem' },
  { name: 'Last used', cell: ({ last_used_at }) => <Time at={last_used_at} />, width: '9rem' },
  { name: 'Signed in', cell: ({ created_at }) => <Time at={created_at} />, width: '9rem', secondary: true },
  { name: 'Ends', cell: ({ expires_at }) => <Time at={expires_at} />, width: '9rem', secondary: true },
]

export function Sessions() {
  const list = useList('GET /auth/sessions')
  const { mutate: end } = useChange('DELETE /auth/sessions/{id}')
  const [isEnding, setIsEnding] = useState(false)
  const hasOthers = list.rows?.some(({ is_current }) => !is_current) ?? false
  const endOne = ({ id }: Session) =>
    end(
      { params: { id } },
      {
        onSuccess: () => toast('Session ended', 'That device is signed out.'),
        onError: (error) => toast('Could not end the session', describeError(error)),
      },
    )
  return (
    <Section
      title="Sessions"
      intro="Where you are signed in."
      actions={hasOthers && <Button onClick={() => setIsEnding(true)}>End all others</Button>}
    >
      <Table
        label="Sessions"
        {...listProps(list)}
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowMenu={(session) => (
          <RowMenu
            name={describeDevice(session.user_agent)}
            id={session.id}
            items={
              session.is_current ? [] : [{ label: 'End session', destructive: true, onSelect: () => endOne(session) }]
            }
          />
        )}
        empty={<Empty title="No sessions" />}
      />
      {isEnding && <EndOthers onClose={() => setIsEnding(false)} />}
    </Section>
  )
}

function EndOthers({ onClose }: { readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /auth/sessions')
  const end = () =>
    mutate(
      {},
      {
        onSuccess() {
          toast('Other sessions ended')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title="End all other sessions"
      action="End all others"
      onConfirm={end}
      busy={isPending}
      error={error}
    >
      <p>Every other device is signed out at its next request.</p>
    </Confirm>
  )
}
