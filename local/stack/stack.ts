import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { applyFault } from './apply-fault.ts'
import { type Backends, openBackends } from './backends.ts'
import { type Counters, createCounters } from './control.ts'
import type { Database } from './database.ts'
import { createFaults, type Faults } from './faults.ts'
import type { Route } from './http.ts'
import { json, type Reply, readBody, send } from './http.ts'
import { keepMemory, type Parts } from './memory.ts'
import { type BillingOptions, LOCAL_BILLING } from './payments/routes.ts'
import { redisPart } from './redis-memory.ts'
import { findRoute, openServices } from './routes.ts'

// A client that reuses a connection just as the server closes it as idle sees a reset that no fault caused.
const KEEP_ALIVE_MS = 120_000
const LOCAL_HOST = /^(127\.0\.0\.1|localhost)(:\d+)?$/

/**
 * `port` 0 means any free one. Without `databaseUrl` PGlite stores the data, in `dataDir` or in memory; without
 * `redisUrl` Valkey does, in memory. `redisToken` is the bearer token of the Redis services.
 */
export interface StackOptions {
  port: number
  databaseUrl?: string
  redisUrl?: string
  dataDir?: string
  /** The start of a new embedded database, as `dump` of another stack returned it. */
  cluster?: Blob
  /** Saves state that is otherwise in memory: outbox, caught webhooks, payments, the embedded Redis. */
  memoryFile?: string
  redisToken: string
  /** The payment providers' secrets, and where their webhooks go; if absent, they are not sent. */
  billing?: BillingOptions
}

export interface Stack {
  /** `http://127.0.0.1:<port>`, with no slash at the end */
  url: string
  /** The embedded database as it is now; absent for a real Postgres. */
  dump: Database['dump']
  /** Drops open requests, including hanging ones, and stops both back ends. */
  close(): Promise<void>
}

/**
 * Starts every outside service that Tollgate uses, behind one port of 127.0.0.1.
 *
 * The port is bound first, so that a second stack fails before it touches the first one's data.
 *
 * @throws the listener's own error (`code` EADDRINUSE if the port is taken), or an Error whose message says in one
 * line which back end cannot start
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const faults = createFaults()
  const counters = createCounters()
  const opening = Promise.withResolvers<Map<string, Route>>()
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
    serve({ opening: opening.promise, faults, counters }, request, response),
  )
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  try {
    const backends = await openBackends(options)
    const { redisToken, billing = LOCAL_BILLING } = options
    const services = openServices({ ...backends, redisToken, faults, counters, billing })
    const memory = await remember(options, services.memory, backends)
    opening.resolve(services.routes)
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}`,
      dump: backends.database.dump,
      close: () => close(server, faults, [memory, services, backends]),
    }
  } catch (error) {
    await stopListening(server)
    throw error
  }
}

/** A given Redis keeps its own data. */
async function remember({ memoryFile, redisUrl }: StackOptions, parts: Parts, { redis }: Backends) {
  if (memoryFile === undefined) return undefined
  return keepMemory(memoryFile, redisUrl ? parts : { ...parts, redis: redisPart(redis) }, console.error)
}

async function close(
  server: Server,
  faults: Faults,
  parts: readonly ({ close(): Promise<void> } | undefined)[],
): Promise<void> {
  await stopListening(server)
  faults.clear()
  for (const part of parts) await part?.close()
}

async function stopListening(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

interface Serving {
  /** what requests that arrive before the back ends are open wait for */
  opening: Promise<Map<string, Route>>
  faults: Faults
  counters: Counters
}

async function serve(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const outcome = await answer(serving, request, response).catch(bug)
  if (outcome === 'reset') request.socket.resetAndDestroy()
  else await send(response, outcome)
}

async function answer({ opening, faults, counters }: Serving, request: IncomingMessage, response: ServerResponse) {
  const gone = new Promise<void>((resolve) => response.once('close', resolve))
  const body = await readBody(request)
  if (body === undefined) return json(413, { error: 'payload_too_large', message: 'A body may have at most 10 MB' })
  const { method = '', headers } = request
  if (isForeign(headers))
    return json(403, { error: 'foreign', message: 'Only this machine and its pages may call this' })

  const url = new URL(`http://${headers.host}${request.url}`)
  const call = { method, url, headers, body, gone }
  const route = findRoute(await opening, method, url.pathname)
  if (!route) return notFound(method, url.pathname)
  if (!route.door) return route.answer(call)
  counters[route.door].requests += 1
  return applyFault(route.door, call, route.answer, faults)
}

/**
 * A web page that the developer visits could post here like the Worker. Its Origin reveals it; if it has made its own name
 * resolve to this machine, its Host does.
 */
function isForeign({ origin, host = '' }: IncomingMessage['headers']): boolean {
  return !LOCAL_HOST.test(host) || (origin !== undefined && origin !== `http://${host}`)
}

function bug(error: unknown): Reply {
  console.error('The local stack failed to answer:', error)
  return json(500, { error: 'internal_error', message: String(error) })
}

function notFound(method: string, path: string): Reply {
  return json(404, { error: 'not_found', message: `The local stack has no ${method} ${path}` })
}
