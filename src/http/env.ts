import type { Deps } from '../deps.ts'

/** The variables in every handler's context. */
export interface AppEnv {
  Bindings: Env
  Variables: {
    deps: Deps
    requestId: string
  }
}

/** Static files of the dashboard, as Cloudflare serves them. */
export interface Assets {
  fetch(request: Request): Promise<Response>
}

/** The Worker's bindings: strings that `readConfig` checks, and the dashboard's files. */
export type Env = Record<string, unknown> & { readonly ASSETS?: Assets | undefined }
