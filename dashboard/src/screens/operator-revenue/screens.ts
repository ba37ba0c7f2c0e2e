import type { Screens } from '../screens.ts'

export const REVENUE_SCREENS: Screens = {
  '/operator/subscriptions': [() => import('./subscriptions.tsx'), 'Subscriptions'],
  '/operator/ledger': [() => import('./ledger.tsx'), 'Ledger'],
  '/operator/drift': [() => import('./drift.tsx'), 'Drift'],
  '/operator/provider-events': [() => import('./provider-events.tsx'), 'ProviderEvents'],
}
