import type { Screens } from '../screens.ts'

export const PLAN_SCREENS: Screens = {
  '/operator/plans': [() => import('./plans.tsx'), 'Plans'],
  '/operator/plans/new': [() => import('./edit-plan.tsx'), 'NewPlan'],
  '/operator/plans/$id': [() => import('./edit-plan.tsx'), 'EditPlan'],
}
