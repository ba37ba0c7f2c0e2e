import type { GatewayMeter } from '../db/schema/shapes.ts'

/** A route of the gateway, ready for use: its secrets are decrypted. */
export interface Route {
  readonly id: string
  readonly slug: string
  /** Includes a non-default port; null if the route has only a slug. */
  readonly host: string | null
  /** Begins with a slash, and does not end with one unless it is `/`. */
  readonly pathPrefix: string
  /** The same for every spelling of the prefix (path.ts). */
  readonly plainPrefix: string
  /** An absolute URL without query, fragment and trailing slash. */
  readonly upstream: string
  readonly stripPrefix: boolean
  readonly addHeaders: readonly (readonly [name: string, value: string])[]
  /** The reason why nothing can be forwarded. */
  readonly fault?: string
  /** Timeout until the response begins. */
  readonly timeoutMs: number
  readonly scopes: readonly string[]
  readonly cost: number
  readonly limits: Readonly<Record<string, number>>
  readonly meter: GatewayMeter
  readonly publicPaths: readonly string[]
}
