import { useLocation } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { portal } from '../api/portal.ts'
import { classes } from '../ui/class.ts'
import { Link } from '../ui/link.tsx'
import { AccountMenu } from './account-menu.tsx'
import { Brand } from './brand.tsx'
import { OrganizationMenu } from './organization-menu.tsx'
import { openPalette } from './palette.tsx'
import { PortalMenu } from './portal-menu.tsx'
import { ACCOUNT_SCREEN, CUSTOMER_SCREENS, OPERATOR_SCREENS, type ScreenGroup, type ScreenLink } from './screens.ts'
import { useSession } from './session-context.tsx'
import { MODIFIER_NAME } from './use-shortcut.ts'

/** Whether a screen's path is the one of a link, or below it. */
function isCurrent(path: string, pathname: string): boolean {
  if (path === '/' || path === '/operator') return pathname.replace(/\/$/, '') === path.replace(/\/$/, '')
  return pathname === path || pathname.startsWith(`${path}/`)
}

export function SideBar({ brand = true }: { readonly brand?: boolean }) {
  const { user, isAdministrator } = useSession()
  const { pathname } = useLocation()
  const isOperator = isAdministrator && pathname.startsWith('/operator')
  return (
    <div className="flex h-full flex-col gap-3 py-3">
      {brand && (
        <div className="flex px-4 py-1">
          <Brand />
        </div>
      )}
      {isAdministrator && <HalfSwitch isOperator={isOperator} />}
      {!isOperator && (user ? <OrganizationMenu /> : <PortalOrganization />)}
      <div className="px-3">
        <button
          type="button"
          onClick={openPalette}
          className="flex h-8 w-full items-center justify-between rounded-md border border-line bg-raised px-2 text-muted hover:bg-hover"
        >
          <span className="inline-flex items-center gap-2">
            <Search aria-hidden className="size-4" /> Find
          </span>
          <kbd className="font-mono text-small">{`${MODIFIER_NAME} K`}</kbd>
        </button>
      </div>
      <nav aria-label="Screens" className="flex flex-1 flex-col gap-4 overflow-y-auto px-3 py-1">
        {(isOperator ? OPERATOR_SCREENS : CUSTOMER_SCREENS).map((group) => (
          <Group key={group.label} group={group} pathname={pathname} />
        ))}
        {user && (
          <div className="mt-auto">
            <Entry screen={ACCOUNT_SCREEN} pathname={pathname} />
          </div>
        )}
      </nav>
      {user ? <AccountMenu /> : <PortalMenu />}
    </div>
  )
}

/** Whose portal it is: a customer may have several open in other tabs. */
function PortalOrganization() {
  const name = portal()?.organization_name
  return (
    <p className="truncate px-5 font-medium" title={name}>
      {name}
    </p>
  )
}

const halfClass = (isOn: boolean) =>
  classes(
    'flex-1 rounded px-2 py-1 text-center',
    isOn ? 'bg-raised font-medium shadow-sm' : 'text-muted hover:text-ink',
  )

function HalfSwitch({ isOperator }: { readonly isOperator: boolean }) {
  return (
    <nav aria-label="View" className="mx-3 flex rounded-md border border-line bg-hover p-0.5 text-small">
      <Link to="/" className={halfClass(!isOperator)} aria-current={isOperator ? undefined : 'page'}>
        Organization
      </Link>
      <Link to="/operator" className={halfClass(isOperator)} aria-current={isOperator ? 'page' : undefined}>
        Operator
      </Link>
    </nav>
  )
}

function Group({ group, pathname }: { readonly group: ScreenGroup; readonly pathname: string }) {
  const { permissions } = useSession()
  const screens = group.screens.filter(({ needs }) => needs === undefined || permissions.includes(needs))
  if (screens.length === 0) return null
  return (
    <div>
      <div className="px-2 pb-1 text-small text-muted">{group.label}</div>
      {screens.map((screen) => (
        <Entry key={screen.path} screen={screen} pathname={pathname} />
      ))}
    </div>
  )
}

function Entry({
  screen: { label, path, icon: Icon },
  pathname,
}: {
  readonly screen: ScreenLink
  readonly pathname: string
}) {
  const current = isCurrent(path, pathname)
  return (
    <Link
      to={path}
      aria-current={current ? 'page' : undefined}
      className={classes(
        'flex h-8 items-center gap-2 rounded-md px-2',
        current ? 'bg-hover font-medium text-ink' : 'text-muted hover:bg-hover hover:text-ink',
      )}
    >
      <Icon aria-hidden className="size-4 shrink-0" />
      {label}
    </Link>
  )
}
