import type { TollgateBinding } from 'tollgate'
import type { KeyEnv } from 'tollgate/hono'

export interface Bindings {
  readonly TOLLGATE: TollgateBinding
  /** Below it are `/openai/v1` and `/anthropic`. */
  readonly MODEL_URL: string
  readonly MODEL_KEY: string
}

export interface Env extends KeyEnv {
  Bindings: Bindings
}
