import { Ellipsis } from 'lucide-react'
import { type ReactNode, Suspense, useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { Environment, Status } from '../../ui/badge.tsx'
import { Button, IconButton } from '../../ui/button.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { Menu } from '../../ui/menu.tsx'
import type { KeyAction } from './key-actions.tsx'
import { menuItems } from './key-menu.ts'
import { isRevoked, keyStatus, mayRotate } from './key-status.ts'
import { named, type OfCustomer } from './of-customer.ts'

/** Loaded when a key is edited. */
const EditKey = lazyPart(async () => (await import('./edit-key.tsx')).EditKey)

/** Loaded when somebody acts on the key. */
const KeyActionDialog = lazyPart(async () => (await import('./key-actions.tsx')).KeyActionDialog)

interface KeyHead {
  readonly title: string
  readonly state: ReactNode
  readonly intro: string | null
  readonly actions: ReactNode
  /** What an action opens. */
  readonly dialogs: ReactNode
}

/** The head of a key's page, for its customer and for the operator: its state, and what may be done with it. */
export function useKeyHead(item: ApiKey, mayWrite: boolean, customer: OfCustomer = {}): KeyHead {
  const [asked, setAsked] = useState<KeyAction | 'edit'>()
  const recent = useRead('GET /usage/keys', { query: { key_ids: item.id, ...named(customer) } })
  const { kind, label, reason } = keyStatus(item, recent.data?.data[0])
  const given = { item, ...customer, onClose: () => setAsked(undefined) }
  return {
    title: item.name,
    state: (
      <span className="inline-flex items-center gap-3" title={reason}>
        <Status kind={kind}>{label}</Status>
        <Environment name={item.environment} />
      </span>
    ),
    intro: reason === 'The key works.' ? item.description : reason,
    actions: mayWrite && !isRevoked(item) && <Actions item={item} ask={setAsked} />,
    dialogs: asked && (
      <Suspense>{asked === 'edit' ? <EditKey {...given} /> : <KeyActionDialog action={asked} {...given} />}</Suspense>
    ),
  }
}

interface ActionsProps {
  readonly item: ApiKey
  readonly ask: (action: KeyAction | 'edit') => void
}

function Actions({ item, ask }: ActionsProps) {
  return (
    <>
      <Menu
        trigger={
          <IconButton label={`Actions for ${item.name}`}>
            <Ellipsis aria-hidden />
          </IconButton>
        }
        items={menuItems(item, ask).filter(({ label }) => label !== 'Rotate')}
      />
      <Button onClick={() => ask('edit')}>Edit</Button>
      {mayRotate(item) && (
        <Button look="primary" onClick={() => ask('rotate')}>
          Rotate
        </Button>
      )}
    </>
  )
}
