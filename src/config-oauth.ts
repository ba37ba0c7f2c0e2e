/** A scope of keys, and none of those that let a key act for other organizations. */
const SCOPE = /^(?!platform:)[a-z][a-z0-9._-]*(?::[a-z0-9._-]+)*$/
const MAX_SCOPES = 50
const MAX_WORDS = 200

/** Scopes that applications may ask for, and what each means to the person who agrees. */
export type OAuthScopes = Readonly<Record<string, string>>

/**
 * Reads `OAUTH_SCOPES`, a JSON object.
 *
 * @returns the scopes, or a sentence that says what is wrong and quotes no value
 */
export function parseOAuthScopes(json: string): OAuthScopes | string {
  const scopes = parseObject(json)
  if (!scopes) return 'is not a JSON object of scopes and what each means'
  const entries = Object.entries(scopes)
  if (entries.length > MAX_SCOPES) return `must hold at most ${MAX_SCOPES} scopes`
  if (entries.some(([scope]) => !SCOPE.test(scope)))
    return 'has a scope that is no name such as reports:read, or begins with platform:'
  if (entries.some(([, words]) => typeof words !== 'string' || words === '' || words.length > MAX_WORDS))
    return `has a scope without words of up to ${MAX_WORDS} characters that say what it allows`
  return scopes as OAuthScopes
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
