import type { Deps } from '../deps.ts'

/** What every handler finds in its context. */
export interface AppEnv {
  Bindings: Env
  Variables: {
    deps: Deps
    requestId: string
  }
}

/** The Worker's bindings: strings that `readConfig` checks. */
export type Env = Record<string, unknown>
