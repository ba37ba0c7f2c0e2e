/** A payment provider as it writes itself. */
export const providerName = (provider: 'polar' | 'stripe'): string => ({ polar: 'Polar', stripe: 'Stripe' })[provider]
