import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Notice } from '../../ui/notice.tsx'

/**
 * What an editor works on: as it was when it was opened or last saved here, so that what is typed stays when somebody else
 * changes it, and only this editor's changes are saved.
 *
 * @param current as it was last read
 */
export function useOpened<Item extends { readonly updated_at: string }>(current: Item) {
  const [opened, setOpened] = useState(current)
  return { opened, setOpened, isOutdated: current.updated_at > opened.updated_at }
}

export function ChangedMeanwhile({ onReload }: { readonly onReload: () => void }) {
  return (
    <Notice kind="warn">
      <p>Somebody else has changed this since you opened it. Saving changes only what you have edited.</p>
      <Button onClick={onReload}>Discard my edits and reload</Button>
    </Notice>
  )
}
