import type { Screens } from '../screens.ts'

export const GATEWAY_SCREENS: Screens = {
  '/operator/gateway': [() => import('./routes.tsx'), 'GatewayRoutes'],
  '/operator/gateway/new': [() => import('./edit-route.tsx'), 'NewRoute'],
  '/operator/gateway/$id': [() => import('./edit-route.tsx'), 'EditRoute'],
}
