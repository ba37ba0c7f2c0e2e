/** How a change fails that needs the password if the sign-in is older than 15 minutes. */
export const reauthentication = ['reauthentication_required', 'wrong_password', 'rate_limited'] as const

/** The same for operations of administrators, which also take their second factor. */
export const stepUp = [
  ...reauthentication,
  'invalid_code',
  'invalid_passkey',
  'two_factor_locked',
  'two_factor_not_enabled',
] as const
