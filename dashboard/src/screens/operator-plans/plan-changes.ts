import type { UpdatePlanRequest } from '../../api/types.ts'
import { differing } from '../../lib/differing.ts'
import { describeLimit, type LimitForm, toLimit } from '../keys/limit-form.ts'
import type { OwnMeters } from '../usage/meters.ts'
import { type PlanForm, toPlanBody } from './plan-form.ts'

/**
 * The body of the change from one form to another. It names what differs alone: everything else of the plan stays, also
 * what the form does not show or cannot write down. What is not there any more is taken out by null.
 */
export function toPlanChanges(before: PlanForm, after: PlanForm): UpdatePlanRequest {
  const { id: _before, limits: ofLimits, overage: ofOverage, features: ofFeatures, ...of } = toPlanBody(before)
  const { id: _after, limits, overage, features, ...body } = toPlanBody(after)
  const { meters: ofMeters, ...ofOthers } = ofLimits
  const { meters, ...others } = limits
  const changedLimits = { ...differing(ofOthers, others), ...unlessEmpty('meters', differing(ofMeters, meters)) }
  return {
    ...differing(of, body),
    ...unlessEmpty('limits', changedLimits),
    ...unlessEmpty('overage', differing(ofOverage, overage)),
    ...unlessEmpty('features', differing(ofFeatures, features)),
  }
}

const unlessEmpty = (name: string, members: object) => (Object.keys(members).length > 0 ? { [name]: members } : {})

type Change = readonly [name: string, from: string, to: string]

/** The fields that differ, each as it was and as it will be. */
export function describePlanChanges(before: PlanForm, after: PlanForm, own: OwnMeters): Change[] {
  const [from, to] = [describe(before, own), describe(after, own)]
  return Object.keys(to).flatMap((name) => {
    const was = from[name] ?? usual(name)
    return was === to[name] ? [] : [[name, was, to[name] ?? ''] as const]
  })
}

const describe = (form: PlanForm, own: OwnMeters): Record<string, string> => ({
  Name: form.name,
  Prices: form.prices || 'On request',
  'Trial, days': form.trial,
  'Markup, percent': form.markup,
  'Price per call, US dollars': form.callPrice || 'None',
  'Credits per period, US dollars': form.credits || 'None',
  'Rollover, US dollars': form.rollover || 'Nothing',
  'When credits are used up': form.atNoCredits === 'allow' ? 'Calls continue' : 'Calls are refused',
  Seats: form.seats || 'Any number',
  'Add-ons': form.addons || 'None',
  'Requests per minute': form.rate,
  'API keys': form.keys,
  'Limits of every key': describeLimits(form.keyLimits, own) || 'None',
  'Limits of all keys together': describeLimits(form.organizationLimits, own) || 'None',
  'Concurrent reservations per key': form.keyConcurrent || 'Any number',
  'Concurrent reservations': form.concurrent || 'Any number',
  Order: form.order,
  'In the catalog': form.isPublic ? 'Yes' : 'No',
  Features: form.features || 'None',
  ...describeEach('Limit of', form.limits, 'No limit'),
  ...describeEach('At the limit of', form.atLimit, 'block'),
  ...describeEach('Overage of', form.tiers, 'None'),
})

const describeLimits = (limits: readonly LimitForm[], own: OwnMeters): string =>
  limits.map((one) => `${one.name.trim()}: ${describeLimit(toLimit(one), own)}`).join(', ')

const describeEach = (what: string, values: Readonly<Record<string, string>>, empty: string) =>
  Object.fromEntries(Object.entries(values).map(([meter, value]) => [`${what} ${meter}`, value || empty]))

/** What the form says of a meter that the plan does not name. */
const usual = (name: string) =>
  name.startsWith('Limit of') ? 'No limit' : name.startsWith('At the limit of') ? 'block' : 'None'
