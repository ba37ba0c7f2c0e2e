import { ArrowLeft, Settings2 } from 'lucide-react'
import { leavePortal, portal } from '../api/portal.ts'
import { Menu } from '../ui/menu.tsx'
import { toast } from '../ui/toast.tsx'
import { useTheme } from './theme.ts'
import { otherThemes } from './themes.ts'

const ENTRY = 'flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-left hover:bg-hover'

/** For a customer who came by a link: the way back to the application, the theme, and the way out. */
export function PortalMenu() {
  const theme = useTheme()
  const access = portal()
  if (!access) return null
  const { return_url: returnUrl, branding } = access
  const leave = () =>
    void leavePortal().then(
      () => location.assign(returnUrl ?? '/dashboard/portal'),
      () => toast('The portal is still open', 'The server cannot be reached. Try again.'),
    )
  return (
    <div className="border-t border-line px-3 pt-3">
      {returnUrl && (
        <a href={returnUrl} className={ENTRY}>
          <ArrowLeft aria-hidden className="size-4 shrink-0 text-muted" />
          <span className="min-w-0 truncate">Back to {branding.name ?? new URL(returnUrl).host}</span>
        </a>
      )}
      <Menu
        trigger={
          <button type="button" className={ENTRY}>
            <Settings2 aria-hidden className="size-4 shrink-0 text-muted" />
            Theme and session
          </button>
        }
        items={[...otherThemes(theme), { label: 'Leave', onSelect: leave }]}
      />
    </div>
  )
}
