import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { unreachable } from './api/problem.ts'
import { ACCOUNT_SCREENS } from './screens/account/screens.ts'
import { AUTHORIZE_SCREENS } from './screens/authorize/screens.ts'
import { BILLING_SCREENS } from './screens/billing/screens.ts'
import { CREDIT_SCREENS } from './screens/credits/screens.ts'
import { DESIGN_SCREENS } from './screens/design/screens.ts'
import { KEY_SCREENS } from './screens/keys/screens.ts'
import { OPERATOR_CUSTOMER_SCREENS } from './screens/operator-customers/screens.ts'
import { DEPLOYMENT_SCREENS } from './screens/operator-deployment/screens.ts'
import { GATEWAY_SCREENS } from './screens/operator-gateway/screens.ts'
import { METER_SCREENS } from './screens/operator-meters/screens.ts'
import { PLAN_SCREENS } from './screens/operator-plans/screens.ts'
import { PRICE_SCREENS } from './screens/operator-prices/screens.ts'
import { REVENUE_SCREENS } from './screens/operator-revenue/screens.ts'
import { SERVICE_KEY_SCREENS } from './screens/operator-service-keys/screens.ts'
import { ORGANIZATION_SCREENS } from './screens/organization/screens.ts'
import type { Screens } from './screens/screens.ts'
import { USAGE_SCREENS } from './screens/usage/screens.ts'
import { WEBHOOK_SCREENS } from './screens/webhooks/screens.ts'
import { Failed } from './shell/failed.tsx'
import { Missing } from './shell/missing.tsx'
import { Shell } from './shell/shell.tsx'

const root = createRootRoute({ component: Shell, notFoundComponent: Missing })

/** Each screen is loaded when it is first shown. */
const SCREENS: Screens = {
  ...KEY_SCREENS,
  ...USAGE_SCREENS,
  ...BILLING_SCREENS,
  ...CREDIT_SCREENS,
  ...DESIGN_SCREENS,
  ...PLAN_SCREENS,
  ...PRICE_SCREENS,
  ...METER_SCREENS,
  ...GATEWAY_SCREENS,
  ...REVENUE_SCREENS,
  ...SERVICE_KEY_SCREENS,
  ...DEPLOYMENT_SCREENS,
  ...OPERATOR_CUSTOMER_SCREENS,
  ...ORGANIZATION_SCREENS,
  ...WEBHOOK_SCREENS,
  ...ACCOUNT_SCREENS,
  ...AUTHORIZE_SCREENS,
}

const screens = Object.entries(SCREENS).map(([path, [load, name]]) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(() => loadScreen(load), name),
  }),
)

type LoadScreen = Screens[string][0]

/** A screen whose file is gone reloads the page, once. Without a network that would lose what is shown. */
async function loadScreen(load: LoadScreen): Promise<Record<string, () => React.ReactNode>> {
  try {
    return (await load()) as Record<string, () => React.ReactNode>
  } catch (error) {
    throw navigator.onLine ? error : unreachable()
  }
}

export const router = createRouter({
  routeTree: root.addChildren(screens),
  basepath: '/dashboard',
  defaultPreload: 'intent',
  defaultErrorComponent: Failed,
  defaultPendingMs: 200,
  scrollRestoration: true,
  /** Search values are plain text in the address. */
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(search as Record<string, string>).toString()
    return text && `?${text}`
  },
})
