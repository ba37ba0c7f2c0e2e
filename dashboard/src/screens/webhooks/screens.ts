import type { Screens } from '../screens.ts'

export const WEBHOOK_SCREENS: Screens = {
  '/webhooks': [() => import('./webhooks.tsx'), 'Webhooks'],
  '/webhooks/$id': [() => import('./webhooks.tsx'), 'Webhook'],
}
