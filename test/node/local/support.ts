import { randomUUID } from 'node:crypto'
import { neon, neonConfig } from '@neondatabase/serverless'
import { Redis } from '@upstash/redis'
import { type Stack, type StackOptions, startStack } from '../../../local/stack/stack.ts'

export const TOKEN = 'local-token'

/** A stack for one test file: over DATABASE_URL and REDIS_URL if they are set, in this process otherwise. */
export async function openStack(options: Partial<StackOptions> = {}): Promise<Stack> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env
  const given = { ...(databaseUrl && { databaseUrl }), ...(redisUrl && { redisUrl }) }
  return startStack({ port: 0, redisToken: TOKEN, ...given, ...options })
}

/** The Neon driver, pointed at the stack. */
export function connectNeon(stack: Stack) {
  neonConfig.fetchEndpoint = `${stack.url}/sql`
  return neon('postgresql://user:password@localhost/tollgate')
}

/** The Upstash client, pointed at the stack, which tries once. */
export function connectUpstash(stack: Stack, options: { token?: string; enableAutoPipelining?: boolean } = {}): Redis {
  const { token = TOKEN, enableAutoPipelining = false } = options
  return new Redis({ url: `${stack.url}/redis`, token, enableAutoPipelining, retry: { retries: 0 } })
}

/** A name nobody else uses: a key of a shared Redis, or a schema of a shared database. */
export function uniqueName(): string {
  return `local_${randomUUID().replaceAll('-', '')}`
}

/** Sends an email as the Worker does; the given fields replace or extend a valid one. */
export function sendMail(stack: Stack, mail: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  const body = { from: 'Tollgate <no-reply@example.com>', to: 'ada@example.com', subject: 'Hello', text: 'Hi', ...mail }
  return fetch(`${stack.url}/mail/emails`, {
    method: 'POST',
    headers: { Authorization: 'Bearer re_test', 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}
