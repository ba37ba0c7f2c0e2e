import { useState } from 'react'
import { canUsePasskeys, makePasskey } from '../../account/passkey.ts'
import { useSubmit } from '../../account/use-submit.ts'
import { useChange, useRead } from '../../api/hooks.ts'
import type { Passkey, PasskeyCreationOptions } from '../../api/types.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { RemoveWay } from './remove-way.tsx'

/** The passkeys that sign in: nothing in a browser without any, for somebody without any. */
export function Passkeys() {
  const { data: known } = useRead('GET /auth/passkeys')
  const [renaming, setRenaming] = useState<Passkey>()
  const [removing, setRemoving] = useState<Passkey>()
  if (!canUsePasskeys() && !known?.data.length) return null // the rest is there at once, so that nothing below it moves
  return (
    <div className="flex flex-col gap-3 p-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div>
          <p className="font-medium">Passkeys</p>
          <p className="text-muted">Sign in with your device or password manager, without a password.</p>
        </div>
        {canUsePasskeys() && <Add />}
      </div>
      {known && known.data.length > 0 && (
        <ul className="divide-y divide-line border-y border-line">
          {known.data.map((passkey) => (
            <Row
              key={passkey.id}
              passkey={passkey}
              onRename={() => setRenaming(passkey)}
              onRemove={() => setRemoving(passkey)}
            />
          ))}
        </ul>
      )}
      {renaming && <Rename passkey={renaming} onClose={() => setRenaming(undefined)} />}
      {removing && <Remove passkey={removing} onClose={() => setRemoving(undefined)} />}
    </div>
  )
}

/** The server says what the browser may make, the browser makes it, and the server keeps it. */
function Add() {
  const begin = useStepUp('POST /auth/passkeys/begin')
  const add = useChange('POST /auth/passkeys')
  const making = useSubmit(async (options: PasskeyCreationOptions) => {
    const credential = await makePasskey(options)
    add.mutate({ body: { credential } }, { onSuccess: ({ name }) => toast('Passkey added', `Its name is ${name}.`) })
  })
  return (
    <>
      <Button
        busy={begin.isPending || making.busy || add.isPending}
        onClick={() => begin.mutate({ body: {} }, { onSuccess: (options) => making.submit(options) })}
      >
        Add a passkey
      </Button>
      <ErrorNotice error={begin.error ?? making.error ?? add.error} />
      {begin.stepUp}
    </>
  )
}

interface RowProps {
  readonly passkey: Passkey
  readonly onRename: () => void
  readonly onRemove: () => void
}

function Row({ passkey: { name, is_synced, works_here, last_used_at: used }, onRename, onRemove }: RowProps) {
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 py-2">
      <div className="min-w-0">
        <p className="break-words">{name}</p>
        <p className="flex flex-wrap gap-x-3 text-small text-muted">
          <span>{is_synced ? 'On all your devices' : 'On one device'}</span>
          <span>
            {used ? (
              <>
                Last used <Time at={used} />
              </>
            ) : (
              'Not used yet'
            )}
          </span>
          {!works_here && <Status kind="warn">For a previous address</Status>}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        <Button aria-label={`Rename ${name}`} onClick={onRename}>
          Rename
        </Button>
        <Button aria-label={`Remove ${name}`} onClick={onRemove}>
          Remove
        </Button>
      </div>
    </li>
  )
}

interface DialogProps {
  readonly passkey: Passkey
  readonly onClose: () => void
}

function Rename({ passkey, onClose }: DialogProps) {
  const [name, setName] = useState(passkey.name)
  const { mutate, error, isPending } = useChange('PATCH /auth/passkeys/{id}')
  const save = () =>
    mutate(
      { params: { id: passkey.id }, body: { name } },
      {
        onSuccess() {
          toast('Passkey renamed')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Rename passkey">
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={['name']} />
        <Field label="Name" error={error?.fieldError('name')}>
          <Input name="name" autoFocus value={name} onChange={({ target }) => setName(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Rename
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

function Remove({ passkey: { id, name }, onClose }: DialogProps) {
  return (
    <RemoveWay
      operation="DELETE /auth/passkeys/{id}"
      id={id}
      title={`Remove ${name}`}
      action="Remove"
      done="Passkey removed"
      onClose={onClose}
    >
      <p>
        You can no longer sign in with it, and your other devices are signed out. Also delete it from your device or
        password manager.
      </p>
    </RemoveWay>
  )
}
