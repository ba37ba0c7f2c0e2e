import type { Screens } from '../screens.ts'

export const DEPLOYMENT_SCREENS: Screens = {
  '/operator/webhooks': [() => import('./webhooks.tsx'), 'OperatorEndpoints'],
  '/operator/webhooks/$id': [() => import('./webhooks.tsx'), 'OperatorEndpoint'],
  '/operator/audit': [() => import('./audit.tsx'), 'AuditOfAll'],
  '/operator/leaks': [() => import('./leaks.tsx'), 'Leaks'],
  '/operator/emails': [() => import('./emails.tsx'), 'Emails'],
  '/operator/deliveries': [() => import('./deliveries.tsx'), 'AllDeliveries'],
  '/operator/system': [() => import('./system.tsx'), 'SystemScreen'],
}
