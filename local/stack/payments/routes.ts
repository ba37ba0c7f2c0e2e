import type { Route } from '../http.ts'
import type { Parts } from '../memory.ts'
import { checkoutPage, dashboardPage } from './pages.ts'
import { polarDoor } from './polar.ts'
import { answerApi, type BillingDoor, type BillingDoorOptions } from './provider.ts'
import { answerAct, answerPay, answerState } from './simulate.ts'
import { stripeDoor } from './stripe.ts'

/** The secrets of both providers, as the Worker is told them, and where the Worker takes their webhooks. */
export interface BillingOptions {
  readonly polar: BillingDoorOptions
  readonly stripe: BillingDoorOptions
}

/** What works where nobody chose any; webhooks are kept and go nowhere. */
export const LOCAL_BILLING: BillingOptions = {
  polar: { token: 'polar_oat_local', webhookSecret: 'polar_whs_local-secret-of-the-stack' },
  stripe: { token: 'sk_test_local', webhookSecret: 'whsec_local-secret-of-the-stack' },
}

/** Both providers' doors, their pages, and what makes things happen there. */
export function openBilling({ polar, stripe }: BillingOptions): { routes: Record<string, Route>; memory: Parts } {
  const doors = [polarDoor(polar), stripeDoor(stripe)]
  const memory = doors.flatMap(({ name, memory }) =>
    Object.entries(memory).map(([part, one]) => [`${name} ${part}`, one] as const),
  )
  return { routes: Object.assign({}, ...doors.map(routesOf)), memory: Object.fromEntries(memory) }
}

function routesOf(door: BillingDoor): Record<string, Route> {
  const { name } = door
  const api: Route = { door: name, answer: answerApi(door) }
  return {
    ...Object.fromEntries(['GET', 'POST', 'PATCH', 'DELETE'].map((method) => [`${method} /${name}/v1/**`, api])),
    [`GET /${name}`]: { answer: dashboardPage(door) },
    [`GET /${name}/checkout/*`]: { answer: checkoutPage(door) },
    [`POST /${name}/checkout/*`]: { answer: answerPay(door) },
    [`GET /${name}/state`]: { answer: answerState(door) },
    [`POST /${name}/act`]: { answer: answerAct(door) },
  }
}
