import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { call } from '../../api/client.ts'
import { ApiError } from '../../api/problem.ts'
import type { ApiKey } from '../../api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Choice, Fieldset } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { isRevoked } from './key-status.ts'

interface BulkRevokeProps {
  /** Those that the list shows when the dialog opens. Later changes of the list change nothing here. */
  readonly keys: readonly ApiKey[]
  readonly onClose: () => void
}

const count = (keys: number) => formatCount(keys, 'key')

/**
 * Revokes several keys, one after the other, and says how far it is. What is revoked stays so when one fails, and is
 * offered no longer. Closing the dialog stops the rest first.
 */
export function BulkRevoke({ keys, onClose }: BulkRevokeProps) {
  const [open, setOpen] = useState(() => keys.filter((key) => !isRevoked(key)))
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { revoke, progress, error, stop, isStopping } = useRevoke()

  function toggle(id: string): void {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  async function revokeChosen(): Promise<void> {
    const { revoked, isFailed } = await revoke([...chosen])
    if (revoked.size > 0)
      toast(`${revoked.size === chosen.size ? '' : `${revoked.size} of `}${count(chosen.size)} revoked`)
    if (!isFailed) return onClose()
    setOpen(open.filter(({ id }) => !revoked.has(id)))
    setChosen(new Set([...chosen].filter((id) => !revoked.has(id))))
  }
  return (
    <Dialog open onClose={progress ? stop : onClose} title="Revoke several keys">
      <p>Programs that use these keys are refused within two seconds. A revoked key never works again.</p>
      <div className="max-h-[40vh] overflow-y-auto">
        <Fieldset legend="Keys" disabled={progress !== undefined}>
          <Choice
            label="All of these"
            hint={`${count(open.length)}, as loaded and filtered in the list.`}
            checked={chosen.size === open.length}
            onChange={({ target }) => setChosen(new Set(target.checked ? open.map(({ id }) => id) : []))}
          />
          {open.map(({ id, name, key_hint }) => (
            <Choice key={id} label={name} hint={key_hint} checked={chosen.has(id)} onChange={() => toggle(id)} />
          ))}
        </Fieldset>
      </div>
      <ErrorNotice error={error} />
      <Actions>
        {progress ? (
          <Button busy={isStopping} onClick={stop}>
            {isStopping ? 'Stopping …' : 'Stop'}
          </Button>
        ) : (
          <Button onClick={onClose}>Keep all</Button>
        )}
        <Button
          look="danger"
          disabled={chosen.size === 0}
          busy={progress !== undefined}
          onClick={() => void revokeChosen()}
        >
          {progress ? `Revoking ${progress.done + 1} of ${progress.of} …` : `Revoke ${count(chosen.size)}`}
        </Button>
      </Actions>
    </Dialog>
  )
}

/** Revokes keys one after the other. `stop` and leaving the screen leave those alone whose turn has not come. */
function useRevoke() {
  const [progress, setProgress] = useState<{ readonly done: number; readonly of: number }>()
  const [error, setError] = useState<ApiError>()
  const [isStopping, setIsStopping] = useState(false)
  const isStopped = useRef(false)
  const client = useQueryClient()
  useEffect(
    () => () => {
      isStopped.current = true
    },
    [],
  )

  function stop(): void {
    isStopped.current = true
    setIsStopping(true)
  }
  async function revoke(ids: readonly string[]) {
    const revoked = new Set<string>()
    isStopped.current = false
    setError(undefined)
    try {
      for (const id of ids) {
        if (isStopped.current) break
        setProgress({ done: revoked.size, of: ids.length })
        await call('DELETE /auth/api-keys/{id}', { params: { id } })
        revoked.add(id)
      }
      return { revoked, isFailed: false }
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      setError(caught)
      return { revoked, isFailed: true }
    } finally {
      setProgress(undefined)
      setIsStopping(false)
      await client.invalidateQueries()
    }
  }
  return { revoke, progress, error, stop, isStopping }
}
