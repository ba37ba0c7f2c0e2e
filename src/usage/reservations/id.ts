/** Identifies a hold: its organization, its period, and its id. Not a secret, and no proof of anything. */
export function reservationId(organizationId: string, period: string, holdId: string): string {
  return `hold_${organizationId.replaceAll('-', '')}_${period}_${holdId}`
}

const RESERVATION_ID =
  /^hold_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_(2\d{3}-\d{2}(?:-\d{2})?)_([0-9A-Za-z]{22,32})$/

/** @returns `undefined` if the text is not a reservation id */
export function parseReservationId(text: string) {
  const match = RESERVATION_ID.exec(text)
  if (!match) return undefined
  const [, a, b, c, d, e, period = '', holdId = ''] = match
  return { organizationId: [a, b, c, d, e].join('-'), period, holdId }
}
