import type { Route } from '../http.ts'
import type { Parts } from '../memory.ts'
import { checkoutPage, dashboardPage } from './pages.ts'
import { polarService } from './polar.ts'
import { answerApi, type PaymentService, type PaymentServiceOptions } from './provider.ts'
import { answerAct, answerPay, answerState } from './simulate.ts'
import { stripeService } from './stripe.ts'

/** The secrets of both providers, which the Worker also gets, and where the Worker receives their webhooks. */
export interface BillingOptions {
  readonly polar: PaymentServiceOptions
  readonly stripe: PaymentServiceOptions
}

/** Defaults; webhooks are stored and not sent. */
export const LOCAL_BILLING: BillingOptions = {
  polar: { token: 'polar_oat_local', webhookSecret: 'polar_whs_local-secret-of-the-stack' },
  stripe: { token: 'sk_test_local', webhookSecret: 'whsec_local-secret-of-the-stack' },
}

/** Both providers' services, their pages, and the controls that make things happen there. */
export function openBilling({ polar, stripe }: BillingOptions): { routes: Record<string, Route>; memory: Parts } {
  const services = [polarService(polar), stripeService(stripe)]
  const memory = services.flatMap(({ name, memory }) =>
    Object.entries(memory).map(([part, one]) => [`${name} ${part}`, one] as const),
  )
  return { routes: Object.assign({}, ...services.map(toRoutes)), memory: Object.fromEntries(memory) }
}

function toRoutes(service: PaymentService): Record<string, Route> {
  const { name } = service
  const api: Route = { door: name, answer: answerApi(service) }
  return {
    ...Object.fromEntries(['GET', 'POST', 'PATCH', 'DELETE'].map((method) => [`${method} /${name}/v1/**`, api])),
    [`GET /${name}`]: { answer: dashboardPage(service) },
    [`GET /${name}/checkout/*`]: { answer: checkoutPage(service) },
    [`POST /${name}/checkout/*`]: { answer: answerPay(service) },
    [`GET /${name}/state`]: { answer: answerState(service) },
    [`POST /${name}/act`]: { answer: answerAct(service) },
  }
}
