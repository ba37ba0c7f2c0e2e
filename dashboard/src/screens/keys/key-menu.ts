import type { ApiKey } from '../../api/types.ts'
import type { MenuItem } from '../../ui/menu.tsx'
import type { KeyAction } from './key-actions.tsx'
import { isRevoked, mayRotate } from './key-status.ts'

/** What can be done with a key, for its menu. Nothing, once it is revoked. */
export function menuItems(item: ApiKey, ask: (action: KeyAction) => void): MenuItem[] {
  if (isRevoked(item)) return []
  return [
    ...(mayRotate(item) ? [{ label: 'Rotate', onSelect: () => ask('rotate') }] : []),
    item.is_active
      ? { label: 'Disable', onSelect: () => ask('disable') }
      : { label: 'Enable', onSelect: () => ask('enable') },
    { label: 'Revoke', destructive: true, onSelect: () => ask('revoke') },
  ]
}
