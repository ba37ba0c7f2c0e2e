/** Where everything is: by the environment, else the local stack that `npm run dev` started. */
import { existsSync, readFileSync } from 'node:fs'

interface Local {
  readonly base_url?: string
  readonly local_url?: string
  readonly api_key?: string
  readonly admin?: { readonly email: string; readonly password: string }
}

const FILE = new URL('../../.local/credentials.json', import.meta.url)
const local: Local = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}
const { env } = process

export const SLUG = 'openai'
export const TOLLGATE_URL = env.TOLLGATE_URL ?? local.base_url ?? 'http://localhost:8000'
export const TOLLGATE_API_KEY = env.TOLLGATE_API_KEY ?? local.api_key ?? ''
/** Of the provider: without `/v1`, which callers add. */
export const MODEL_URL = env.MODEL_URL ?? `${local.local_url ?? 'http://127.0.0.1:8001'}/model/openai`
export const MODEL_KEY = env.MODEL_KEY ?? 'any'
export const ADMIN = {
  email: env.ADMIN_EMAIL ?? local.admin?.email,
  password: env.ADMIN_PASSWORD ?? local.admin?.password,
}
