import type { CreditLedgerRow } from '../../../api/types.ts'

const FORM = { style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: 9 } as const
const exact = new Intl.NumberFormat('en-US', FORM)
const signed = new Intl.NumberFormat('en-US', { ...FORM, signDisplay: 'exceptZero' })

/** US dollars with all their decimals. */
export const formatExact = (amount: string): string => exact.format(Number(amount))
/** The same with its sign, for what was added or taken. */
export const formatSigned = (amount: string): string => signed.format(Number(amount))

export const SOURCE_NAMES: Readonly<Record<CreditLedgerRow['source'], string>> = {
  purchase: 'Bought',
  plan: 'Included in the plan',
  admin: 'Granted',
  refund: 'Goodwill',
}

export const KIND_NAMES: Readonly<Record<CreditLedgerRow['kind'], string>> = {
  grant: 'Credits added',
  burn: 'Charges paid',
  return: 'Charges corrected',
  expire: 'Expired',
  revoke: 'Revoked',
  refund: 'Payment refunded',
  correct: 'Grant corrected',
}
