/** The secret of one user's authenticator app never opens as another's. */
export const describePurpose = (userId: string) => `totp:${userId}`
