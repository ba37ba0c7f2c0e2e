/** Binds a sealed secret to its user, so that it cannot be opened as another user's. */
export const describePurpose = (userId: string) => `totp:${userId}`
