import type { MeterLimit, PlanFeatures, PlanLimits, PlanOverage, PlanPrice } from '../../db/schema/shapes.ts'

interface Plan {
  readonly name: string
  readonly prices: readonly PlanPrice[]
  readonly limits: PlanLimits
  readonly features: PlanFeatures
  /** Prices above limits that allow it. Without a price, use above a limit costs nothing. */
  readonly overage?: PlanOverage
}

/** US cents a month. */
const monthly = (cents: number): PlanPrice => ({ interval: 'month', currency: 'usd', amount_cents: cents })
/** A year costs ten months. */
const monthlyAndYearly = (cents: number): PlanPrice[] => [
  monthly(cents),
  { interval: 'year', currency: 'usd', amount_cents: 10 * cents },
]
const block = (limit: number | null): MeterLimit => ({ limit, at_limit: 'block' })
const allow = (limit: number | null): MeterLimit => ({ limit, at_limit: 'allow' })

/** One price for each of the first five million units above the limit, and another for each further unit. */
const graduated = (first: string, others: string) => ({
  tiers: [
    { up_to: 5_000_000, unit_price_usd: first },
    { up_to: null, unit_price_usd: others },
  ],
})

/** The plans of a new installation. Afterwards the rows belong to the operator: the seed never overwrites them. */
export const SEED_PLANS: Readonly<Record<string, Plan>> = {
  free: {
    name: 'Free',
    prices: [monthly(0)],
    limits: {
      rate_limit_per_minute: 60,
      max_api_keys: 10,
      meters: {
        api_calls: block(100_000),
        queries: block(100_000),
        tokens: block(100_000),
        concepts: block(100_000),
        storage_gb: block(1),
      },
    },
    features: { max_evolution_phase: 1 },
  },
  starter: {
    name: 'Starter',
    prices: monthlyAndYearly(900),
    limits: {
      rate_limit_per_minute: 120,
      max_api_keys: 20,
      meters: {
        api_calls: block(500_000),
        queries: block(500_000),
        tokens: block(1_000_000),
        concepts: block(500_000),
        storage_gb: block(5),
      },
    },
    features: { max_evolution_phase: 2 },
  },
  builder: {
    name: 'Builder',
    prices: monthlyAndYearly(1_900),
    limits: {
      rate_limit_per_minute: 300,
      max_api_keys: 50,
      meters: {
        api_calls: allow(1_000_000),
        queries: allow(1_000_000),
        tokens: block(5_000_000),
        concepts: block(1_000_000),
        storage_gb: block(10),
      },
    },
    features: { max_evolution_phase: 3 },
    overage: { api_calls: graduated('0.00002', '0.000016'), queries: graduated('0.00002', '0.000016') },
  },
  advanced: {
    name: 'Advanced',
    prices: monthlyAndYearly(2_900),
    limits: {
      rate_limit_per_minute: 600,
      max_api_keys: 100,
      meters: {
        api_calls: allow(2_500_000),
        queries: allow(2_500_000),
        tokens: block(25_000_000),
        concepts: block(2_500_000),
        storage_gb: block(25),
      },
    },
    features: { max_evolution_phase: 4 },
    overage: { api_calls: graduated('0.000015', '0.000012'), queries: graduated('0.000015', '0.000012') },
  },
  pro: {
    name: 'Pro',
    prices: monthlyAndYearly(4_900),
    limits: {
      rate_limit_per_minute: 1_000,
      max_api_keys: 200,
      meters: {
        api_calls: allow(5_000_000),
        queries: allow(5_000_000),
        concepts: block(5_000_000),
        storage_gb: block(50),
      },
    },
    features: { max_evolution_phase: 5 },
    overage: { api_calls: graduated('0.000012', '0.00001'), queries: graduated('0.000012', '0.00001') },
  },
  enterprise: {
    name: 'Enterprise',
    prices: [],
    limits: {
      rate_limit_per_minute: 10_000,
      max_api_keys: 1_000,
      meters: { api_calls: allow(null), queries: allow(null), concepts: allow(null), storage_gb: allow(null) },
    },
    features: { max_evolution_phase: 5 },
  },
}
