import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
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
  readonly keys: readonly ApiKey[]
  readonly onClose: () => void
}

const count = (keys: number) => formatCount(keys, 'key')

/** Revokes several keys, one after the other, and says how far it is. What is revoked stays so when one fails, and is chosen no longer. */
export function BulkRevoke({ keys, onClose }: BulkRevokeProps) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [progress, setProgress] = useState<{ readonly done: number; readonly of: number }>()
  const [error, setError] = useState<ApiError>()
  const client = useQueryClient()
  const open = keys.filter((key) => !isRevoked(key))

  function toggle(id: string): void {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  async function revokeAll(): Promise<void> {
    setError(undefined)
    const left = new Set(chosen)
    try {
      for (const id of chosen) {
        setProgress({ done: chosen.size - left.size, of: chosen.size })
        await call('DELETE /auth/api-keys/{id}', { params: { id } })
        left.delete(id)
      }
      toast(`${count(chosen.size)} revoked`)
      onClose()
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      setError(caught)
    } finally {
      setChosen(left)
      setProgress(undefined)
      await client.invalidateQueries()
    }
  }
  return (
    <Dialog open onClose={onClose} title="Revoke several keys">
      <p>Programs that use these keys are refused within two seconds. A revoked key never works again.</p>
      <div className="max-h-[40vh] overflow-y-auto">
        <Fieldset legend="Keys">
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
        <Button onClick={onClose}>Keep all</Button>
        <Button
          look="danger"
          disabled={chosen.size === 0}
          busy={progress !== undefined}
          onClick={() => void revokeAll()}
        >
          {progress ? `Revoking ${progress.done + 1} of ${progress.of} …` : `Revoke ${count(chosen.size)}`}
        </Button>
      </Actions>
    </Dialog>
  )
}
