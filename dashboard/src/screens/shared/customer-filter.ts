const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

export const isUuid = (text: string): boolean => UUID.test(text)

/** How lists of the whole deployment are narrowed to a customer: by its id, or by the operator's own id of it. */
export function customerFilter(text: string): { organization_id?: string; external_id?: string } {
  if (text === '') return {}
  return isUuid(text) ? { organization_id: text } : { external_id: text }
}
