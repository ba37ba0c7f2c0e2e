/** How a change fails that needs the password if the sign-in is older than 15 minutes. */
export const reauthentication = ['reauthentication_required', 'wrong_password', 'rate_limited'] as const
