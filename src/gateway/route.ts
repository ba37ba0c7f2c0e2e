import type { GatewayMeter } from '../db/schema/shapes.ts'

/** A route of the gateway, ready for use: its secrets are opened. */
export interface Route {
  readonly id: string
  readonly slug: string
  /** With its port where that is not the usual one; null for the slug alone. */
  readonly host: string | null
  /** Begins with a slash, and ends with none but as `/`. */
  readonly pathPrefix: string
  /** An absolute URL without query, fragment and slash at its end. */
  readonly upstream: string
  readonly stripPrefix: boolean
  readonly addHeaders: readonly (readonly [name: string, value: string])[]
  /** Why nothing can be forwarded. */
  readonly fault?: string
  /** Until the answer begins. */
  readonly timeoutMs: number
  readonly scopes: readonly string[]
  readonly cost: number
  readonly limits: Readonly<Record<string, number>>
  readonly meter: GatewayMeter
  readonly publicPaths: readonly string[]
}
