/** The member names that lead to a claim: one for a claim at the top, more for one inside an object. */
export type ClaimPath = readonly string[]

/**
 * Reads a claim from a token's payload. Only own members count, so that no name reaches an inherited property.
 *
 * @returns `undefined` if there is none
 */
export function readClaim(payload: unknown, path: ClaimPath): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined,
    payload,
  )
}
