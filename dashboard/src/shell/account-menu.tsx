import { CircleUserRound } from 'lucide-react'
import { signOut } from '../api/session.ts'
import { useGo } from '../ui/link.tsx'
import { Menu } from '../ui/menu.tsx'
import { toast } from '../ui/toast.tsx'
import { useSession } from './session-context.tsx'
import { useTheme } from './theme.ts'
import { otherThemes } from './themes.ts'

/** Signs out, and goes to the sign-in page; a server that cannot be reached keeps the person here. */
export const leave = () =>
  void signOut().then(
    () => location.assign('/dashboard/sign-in'),
    () => toast('You are still signed in', 'The server cannot be reached. Try again.'),
  )

/** Who is signed in, the theme, and the way out. */
export function AccountMenu() {
  const { user } = useSession()
  const theme = useTheme()
  const go = useGo()
  if (!user) return null
  return (
    <div className="border-t border-line px-3 pt-3">
      <Menu
        trigger={
          <button
            type="button"
            className="flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-left hover:bg-hover"
          >
            <CircleUserRound aria-hidden className="size-4 shrink-0 text-muted" />
            <span className="min-w-0 truncate">{user.name ?? user.email}</span>
          </button>
        }
        head={user.email}
        items={[
          { label: 'Account settings', onSelect: () => go('/account') },
          ...otherThemes(theme),
          { label: 'Sign out', onSelect: leave },
        ]}
      />
    </div>
  )
}
