/** Filters that lists about payment providers share. */
export const PROVIDERS = [
  ['', 'All'],
  ['polar', 'Polar'],
  ['stripe', 'Stripe'],
] as const

export const providerName = (provider: 'polar' | 'stripe'): string => (provider === 'polar' ? 'Polar' : 'Stripe')

/** Leaves out filters that are not set; the server refuses values that do not exist. */
export function setFilters(query: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
