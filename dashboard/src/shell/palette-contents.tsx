import { Command } from 'cmdk'
import { useState } from 'react'
import { useList } from '../api/hooks.ts'
import { isKeyLike } from '../lib/is-key-like.ts'
import { useGo } from '../ui/link.tsx'
import { leave } from './account-menu.tsx'
import { ACCOUNT_SCREEN, CUSTOMER_SCREENS, OPERATOR_SCREENS, type ScreenLink } from './screens.ts'
import { useMay, useSession } from './session-context.tsx'
import { setTheme } from './theme.ts'

const ITEM =
  'flex h-8 cursor-pointer items-center gap-2 rounded px-2 data-[selected=true]:bg-hover [&>svg]:size-4 [&>svg]:text-muted'
const GROUP =
  '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-small [&_[cmdk-group-heading]]:text-muted'

export function PaletteContents({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('')
  const { user, permissions, isAdministrator } = useSession()
  const go = useGo()
  function open(path: string): void {
    onClose()
    go(path)
  }
  function act(action: () => void): void {
    onClose()
    action()
  }
  const screens = [...CUSTOMER_SCREENS.flatMap((group) => group.screens), ...(user ? [ACCOUNT_SCREEN] : [])].filter(
    ({ needs }) => needs === undefined || permissions.includes(needs),
  )
  return (
    <Command label="Find" className="flex flex-col gap-2">
      <Command.Input
        autoFocus
        value={text}
        onValueChange={setText}
        placeholder="Search screens, keys and actions"
        className="h-9 w-full rounded-md border border-edge bg-raised px-2.5"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto">
        <Command.Empty className="px-2 py-6 text-center text-muted">Nothing found.</Command.Empty>
        <Screens label="Screens" screens={screens} onOpen={open} />
        <KeyResults text={text} onOpen={open} />
        {isAdministrator && (
          <>
            <Screens label="Operator" screens={OPERATOR_SCREENS.flatMap((group) => group.screens)} onOpen={open} />
            <CustomerResults text={text} onOpen={open} />
          </>
        )}
        <Command.Group heading="Actions" className={GROUP}>
          {permissions.includes('keys:write') && (
            <Command.Item className={ITEM} onSelect={() => open('/keys/new')}>
              Create key
            </Command.Item>
          )}
          <Command.Item className={ITEM} onSelect={() => act(() => setTheme('light'))}>
            Light theme
          </Command.Item>
          <Command.Item className={ITEM} onSelect={() => act(() => setTheme('dark'))}>
            Dark theme
          </Command.Item>
          {user && (
            <Command.Item className={ITEM} onSelect={() => act(leave)}>
              Sign out
            </Command.Item>
          )}
        </Command.Group>
      </Command.List>
    </Command>
  )
}

interface ResultProps {
  readonly text: string
  readonly onOpen: (path: string) => void
}

function Screens({
  label,
  screens,
  onOpen,
}: {
  readonly label: string
  readonly screens: readonly ScreenLink[]
  readonly onOpen: (path: string) => void
}) {
  return (
    <Command.Group heading={label} className={GROUP}>
      {screens.map(({ label: name, path, icon: Icon }) => (
        <Command.Item key={path} value={`${label} ${name}`} className={ITEM} onSelect={() => onOpen(path)}>
          <Icon aria-hidden />
          {name}
        </Command.Item>
      ))}
    </Command.Group>
  )
}

/** A whole key is not searched for: it would get into the address of a request, and into logs. */
const isSearched = (text: string) => text.trim().length > 1 && !isKeyLike(text)

function KeyResults({ text, onOpen }: ResultProps) {
  const isAllowed = useMay('keys:read')
  const enabled = isAllowed && isSearched(text)
  const { rows } = useList('GET /auth/api-keys', { query: { search: text.trim(), limit: 5 } }, { enabled })
  if (!enabled || !rows?.length) return null
  return (
    <Command.Group heading="API keys" className={GROUP}>
      {rows.map(({ id, name, key_hint }) => (
        <Command.Item key={id} value={`${text} ${name} ${id}`} className={ITEM} onSelect={() => onOpen(`/keys/${id}`)}>
          {name} <span className="font-mono text-small text-muted">{key_hint}</span>
        </Command.Item>
      ))}
    </Command.Group>
  )
}

function CustomerResults({ text, onOpen }: ResultProps) {
  const enabled = isSearched(text)
  const { rows } = useList('GET /admin/organizations', { query: { search: text.trim(), limit: 5 } }, { enabled })
  if (!enabled || !rows?.length) return null
  return (
    <Command.Group heading="Customers" className={GROUP}>
      {rows.map(({ id, name }) => (
        <Command.Item
          key={id}
          value={`${text} ${name} ${id}`}
          className={ITEM}
          onSelect={() => onOpen(`/operator/customers/${id}`)}
        >
          {name}
        </Command.Item>
      ))}
    </Command.Group>
  )
}
