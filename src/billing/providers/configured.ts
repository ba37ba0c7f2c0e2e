import type { Config } from '../../config.ts'
import { openPolar } from './polar.ts'
import { type BillingProvider, PROVIDERS, type ProviderName } from './provider.ts'
import { openStripe } from './stripe.ts'

const OPEN: Readonly<Record<ProviderName, (config: Config) => BillingProvider>> = {
  polar: openPolar,
  stripe: openStripe,
}

const KEYS = { polar: 'POLAR_ACCESS_TOKEN', stripe: 'STRIPE_SECRET_KEY' } as const

/** @returns undefined if this deployment has no key of that provider */
export function providerNamed(config: Config, name: ProviderName): BillingProvider | undefined {
  return config[KEYS[name]] === undefined ? undefined : OPEN[name](config)
}

/** The providers that this deployment has keys for: both, one or none. */
export function configuredProviders(config: Config): BillingProvider[] {
  return PROVIDERS.flatMap((name) => providerNamed(config, name) ?? [])
}
