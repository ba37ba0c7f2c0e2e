import { Outlet, useLocation } from '@tanstack/react-router'
import { Menu as MenuIcon, WifiOff } from 'lucide-react'
import { Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { useRead } from '../api/hooks.ts'
import { isPortalTab, portal } from '../api/portal.ts'
import { unreachable } from '../api/problem.ts'
import { supportEndsAt } from '../api/session.ts'
import { IconButton } from '../ui/button.tsx'
import { classes } from '../ui/class.ts'
import { Dialog } from '../ui/dialog.tsx'
import { lazyPart } from '../ui/lazy-part.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { Skeleton } from '../ui/states.tsx'
import { Brand } from './brand.tsx'
import { Missing } from './missing.tsx'
import { Palette } from './palette.tsx'
import { ACCOUNT_SCREEN, neededFor } from './screens.ts'
import { type Session, SessionContext, useSession } from './session-context.tsx'
import { Shortcuts } from './shortcuts.tsx'
import { SideBar } from './side-bar.tsx'
import { SupportBanner } from './support-banner.tsx'

/** Few people ever see them. */
const RequirementGate = lazyPart(async () => (await import('./requirement-gate.tsx')).RequirementGate)
const Unconfirmed = lazyPart(async () => (await import('./unconfirmed.tsx')).Unconfirmed)
const NotAllowed = lazyPart(async () => (await import('./not-allowed.tsx')).NotAllowed)

/** The frame of every screen: side bar, banners, command palette. */
export const Shell = () => (portal() || isPortalTab() ? <PortalShell /> : <UserShell />)

/** For customers who came by a link: they have no account here, and what they may do is what the link allows. */
function PortalShell() {
  const access = portal()
  if (!access) return <Full>{<ErrorNotice error={unreachable()} onRetry={() => location.reload()} />}</Full>
  const { organization_id: organizationId, scopes: permissions } = access
  return (
    <SessionContext value={{ user: undefined, organizationId, permissions, isAdministrator: false, unmet: null }}>
      <Frame />
    </SessionContext>
  )
}

function UserShell() {
  const { data: user, error, refetch } = useRead('GET /auth/me')
  useEffect(() => {
    if (error?.status !== 401 || supportEndsAt() !== undefined) return // the banner says that the support session is over
    const next = location.pathname.replace('/dashboard', '') + location.search
    location.assign(`/dashboard/sign-in?next=${encodeURIComponent(next)}`)
  }, [error])
  if (error && !user) return <Full>{<ErrorNotice error={error} onRetry={() => void refetch()} />}</Full>
  if (!user) return <Full>{<Skeleton lines={4} />}</Full>
  const session: Session = {
    user,
    organizationId: user.organization_id ?? '',
    permissions: user.permissions,
    isAdministrator: user.is_administrator,
    unmet: user.unmet_requirement,
  }
  return (
    <SessionContext value={session}>
      <Frame />
    </SessionContext>
  )
}

const Full = ({ children }: { readonly children: React.ReactNode }) => (
  <main className="mx-auto max-w-160 p-8">{children}</main>
)

/** The height of the support banner, below which the side bar stands. */
const NO_BANNER = '[--banner:0px]'
const BANNER = '[--banner:3rem]'

/** The operator's screens are nobody else's, also while an administrator acts as a customer. */
const isOperatorPath = (pathname: string) => pathname === '/operator' || pathname.startsWith('/operator/')

function Screen() {
  const { pathname } = useLocation()
  const { isAdministrator, unmet, permissions } = useSession()
  if (isOperatorPath(pathname)) return isAdministrator ? <Outlet /> : <Missing />
  if (pathname === ACCOUNT_SCREEN.path) return <Outlet />
  const needs = neededFor(pathname)
  const isAllowed = needs === undefined || permissions.includes(needs)
  if (!unmet && isAllowed) return <Outlet />
  return <Suspense>{unmet ? <RequirementGate /> : <NotAllowed pathname={pathname} needs={needs ?? ''} />}</Suspense>
}

function Frame() {
  const [isMenuOpen, setIsMenuOpen] = useState(false)
  const { pathname } = useLocation()
  useEffect(() => setIsMenuOpen(false), [pathname])
  return (
    <div className={classes('flex min-h-dvh flex-col', supportEndsAt() === undefined ? NO_BANNER : BANNER)}>
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-3">
        Skip to content
      </a>
      <SupportBanner />
      <div className="flex flex-1">
        <aside
          aria-label="Navigation"
          className="sticky top-(--banner) hidden h-[calc(100dvh-var(--banner))] w-58 shrink-0 border-r border-line bg-surface md:block"
        >
          <SideBar />
        </aside>
        <div className="flex min-w-0 flex-1 flex-col">
          <header className="flex items-center justify-between border-b border-line bg-surface px-4 py-1.5 md:hidden">
            <Brand />
            <IconButton label="Open menu" onClick={() => setIsMenuOpen(true)}>
              <MenuIcon aria-hidden />
            </IconButton>
          </header>
          <Offline />
          <KeysAwaitConfirmation />
          <main id="content" tabIndex={-1} className="flex-1 outline-none">
            <Screen />
          </main>
        </div>
      </div>
      <Dialog open={isMenuOpen} onClose={() => setIsMenuOpen(false)} title="Menu" side>
        <div className="-mx-3 flex-1">
          <SideBar brand={false} />
        </div>
      </Dialog>
      <Palette />
      <Shortcuts />
    </div>
  )
}

function KeysAwaitConfirmation() {
  const { user } = useSession()
  if (!user?.keys_need_confirmation) return null
  return (
    <Suspense>
      <Unconfirmed email={user.email} />
    </Suspense>
  )
}

function subscribeToNetwork(listener: () => void) {
  addEventListener('online', listener)
  addEventListener('offline', listener)
  return () => {
    removeEventListener('online', listener)
    removeEventListener('offline', listener)
  }
}

function Offline() {
  const isOnline = useSyncExternalStore(subscribeToNetwork, () => navigator.onLine)
  if (isOnline) return null
  return (
    <div className="px-4 pt-4 md:px-8">
      <Notice kind="warn">
        <WifiOff aria-hidden className="mr-1 inline size-4" />
        You are offline. What you see may be out of date. It is refreshed when you are back online.
      </Notice>
    </div>
  )
}
