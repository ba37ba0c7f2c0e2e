import {
  Activity,
  Boxes,
  Building2,
  ChartColumn,
  Coins,
  CreditCard,
  DollarSign,
  FileClock,
  Gauge,
  HeartPulse,
  KeyRound,
  LayoutDashboard,
  ListTree,
  type LucideIcon,
  Mail,
  ReceiptText,
  Ruler,
  Scale,
  ScrollText,
  SearchCode,
  Send,
  ServerCog,
  ShieldAlert,
  SquareStack,
  UserRound,
  Users,
  Waypoints,
  Webhook,
} from 'lucide-react'

export interface ScreenLink {
  readonly label: string
  /** Below /dashboard. */
  readonly path: string
  readonly icon: LucideIcon
  /** The permission without which the screen has nothing to show. */
  readonly needs?: string
}

export interface ScreenGroup {
  readonly label: string
  readonly screens: readonly ScreenLink[]
}

/** The customer's screens, as the side bar lists them. */
export const CUSTOMER_SCREENS: readonly ScreenGroup[] = [
  {
    label: 'API',
    screens: [
      { label: 'Overview', path: '/', icon: LayoutDashboard, needs: 'usage:read' },
      { label: 'API keys', path: '/keys', icon: KeyRound, needs: 'keys:read' },
      { label: 'Usage', path: '/usage', icon: ChartColumn, needs: 'usage:read' },
      { label: 'Events', path: '/events', icon: ListTree, needs: 'usage:events' },
      { label: 'Models and cost', path: '/models', icon: Boxes, needs: 'usage:read' },
      { label: 'Limits and alerts', path: '/limits', icon: Gauge, needs: 'usage:read' },
    ],
  },
  {
    label: 'Organization',
    screens: [
      { label: 'Billing', path: '/billing', icon: CreditCard, needs: 'billing:read' },
      { label: 'Credits', path: '/credits', icon: Coins, needs: 'usage:read' },
      { label: 'Members', path: '/members', icon: Users, needs: 'members:read' },
      { label: 'Webhooks', path: '/webhooks', icon: Webhook, needs: 'webhooks:read' },
      { label: 'Audit log', path: '/audit', icon: ScrollText, needs: 'audit:read' },
      { label: 'Organization', path: '/organization', icon: Building2, needs: 'organization:read' },
    ],
  },
]

export const ACCOUNT_SCREEN: ScreenLink = { label: 'Account', path: '/account', icon: UserRound }

/** The operator's screens. */
export const OPERATOR_SCREENS: readonly ScreenGroup[] = [
  {
    label: 'Customers',
    screens: [
      { label: 'Operator overview', path: '/operator', icon: LayoutDashboard },
      { label: 'Customers', path: '/operator/customers', icon: Building2 },
      { label: 'Users', path: '/operator/users', icon: Users },
      { label: 'Key search', path: '/operator/keys', icon: KeyRound },
      { label: 'Request inspector', path: '/operator/requests', icon: SearchCode },
      { label: 'Customer usage', path: '/operator/usage', icon: ChartColumn },
    ],
  },
  {
    label: 'Revenue',
    screens: [
      { label: 'Plans', path: '/operator/plans', icon: SquareStack },
      { label: 'Prices', path: '/operator/prices', icon: DollarSign },
      { label: 'Meters', path: '/operator/meters', icon: Ruler },
      { label: 'Subscriptions', path: '/operator/subscriptions', icon: CreditCard },
      { label: 'Ledger', path: '/operator/ledger', icon: ReceiptText },
      { label: 'Drift', path: '/operator/drift', icon: Scale },
      { label: 'Provider events', path: '/operator/provider-events', icon: Activity },
    ],
  },
  {
    label: 'Deployment',
    screens: [
      { label: 'Gateway', path: '/operator/gateway', icon: Waypoints },
      { label: 'Service keys', path: '/operator/service-keys', icon: ServerCog },
      { label: 'Secret scanner reports', path: '/operator/leaks', icon: ShieldAlert },
      { label: 'Operator webhooks', path: '/operator/webhooks', icon: Webhook },
      { label: 'Emails', path: '/operator/emails', icon: Mail },
      { label: 'Deliveries', path: '/operator/deliveries', icon: Send },
      { label: 'Global audit log', path: '/operator/audit', icon: FileClock },
      { label: 'System', path: '/operator/system', icon: HeartPulse },
    ],
  },
]

const ALL = CUSTOMER_SCREENS.flatMap((group) => group.screens)

/** The permission without which a screen, or one below it, has nothing to show. */
export const neededFor = (pathname: string): string | undefined =>
  ALL.find(({ path }) => pathname === path || (path !== '/' && pathname.startsWith(`${path}/`)))?.needs

/** The first screen of those that somebody with these permissions can use. */
export const firstScreen = (permissions: readonly string[]): ScreenLink | undefined =>
  ALL.find(({ needs }) => needs === undefined || permissions.includes(needs))
