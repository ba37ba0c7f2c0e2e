import type { Deps } from '../deps.ts'

/** The variables in every handler's context. */
export interface AppEnv {
  Bindings: Env
  Variables: {
    deps: Deps
    requestId: string
  }
}

/** The Worker's bindings: strings that `readConfig` checks. */
export type Env = Record<string, unknown>
