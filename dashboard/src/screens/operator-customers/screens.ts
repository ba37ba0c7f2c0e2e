import type { Screens } from '../screens.ts'

/** The operator's screens about customers, their people, keys, requests and usage. */
export const OPERATOR_CUSTOMER_SCREENS: Screens = {
  '/operator': [() => import('./overview.tsx'), 'OperatorOverview'],
  '/operator/customers': [() => import('./customers.tsx'), 'Customers'],
  '/operator/customers/$id': [() => import('./customer.tsx'), 'Customer'],
  '/operator/users': [() => import('./users.tsx'), 'Users'],
  '/operator/users/$id': [() => import('./user.tsx'), 'User'],
  '/operator/keys': [() => import('./key-search.tsx'), 'KeySearch'],
  '/operator/keys/$id': [() => import('./customer-key.tsx'), 'CustomerKey'],
  '/operator/requests': [() => import('./request-inspector.tsx'), 'RequestInspector'],
  '/operator/usage': [() => import('./usage.tsx'), 'UsageOfAll'],
}
