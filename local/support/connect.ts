import { neon, neonConfig } from '@neondatabase/serverless'
import type { Sql } from '../../src/db/client.ts'
import { openScriptFronts } from '../stack/fronts.ts'
import { readAddress } from './settings.ts'

export interface Connection {
  readonly sql: Sql
  close(): Promise<void>
}

/**
 * Opens the database that the environment names for scripts: Neon over its own endpoint, another endpoint of
 * the same protocol by NEON_FETCH_ENDPOINT, and any other Postgres through a service that this process opens itself.
 *
 * @throws Error when DATABASE_URL is missing
 */
export async function connect(env: NodeJS.ProcessEnv): Promise<Connection> {
  const url = readAddress(env, 'DATABASE_URL')
  if (!url)
    throw new Error('DATABASE_URL is not set. It names the Postgres database, as postgresql://user:password@host/name.')
  if (env.NEON_FETCH_ENDPOINT) return through(url, env.NEON_FETCH_ENDPOINT)
  if (new URL(url).hostname.endsWith('.neon.tech')) return { sql: neon(url), close: async () => undefined }
  const front = await openScriptFronts(url)
  return { ...through(front.url, front.endpoint), close: front.close }
}

/** By host: the driver has only one setting for all databases of a process. */
const endpoints = new Map<string, string>()

/** @param endpoint the URL of Neon's HTTP protocol for the host of this address */
export function through(url: string, endpoint: string): Connection {
  endpoints.set(new URL(url).hostname, endpoint)
  neonConfig.fetchEndpoint = (host) => endpoints.get(host) ?? toNeon(host)
  return { sql: neon(url), close: async () => undefined }
}

/** The driver's default. */
const toNeon = (host: string) => `https://${host.replace(/^[^.]+\./, 'api.')}/sql`
