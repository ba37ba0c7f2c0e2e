/** HTTP fronts for any Postgres and any Redis, as the Worker speaks to Neon and Upstash, only for this machine's workerd. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Database } from './database.ts'
import { type Answer, type Call, json, type Reply, readBody, send } from './http.ts'
import { openPostgres } from './postgres.ts'
import { connectRedis, type RedisBackend } from './redis.ts'
import { sqlService } from './sql.ts'
import { redisServices } from './upstash.ts'

/** The Worker's name for the replica's database. */
export const REPLICA = 'replica'

/** Maximum of concurrent requests of one store. While it hangs they would pile up, each with its body. */
export const MAX_OPEN = 2_000

interface Places {
  readonly databaseUrl: string
  readonly replicaUrl?: string | undefined
  readonly redisUrl: string
  /** More Redis databases, each with a share of the organizations. */
  readonly redisShardUrls: readonly string[]
  readonly connections: number
  readonly statementMs: number
  /** The path of the Unix socket. Its folder is accessible to nobody else. */
  readonly socket: string
  /** A secret that requests must present nevertheless: a customer's webhook could be sent here as well. */
  readonly secret: string
}

interface Fronts {
  close(): Promise<void>
}

/**
 * Connects to both stores and listens. If a store goes away later, it is reconnected: meanwhile its requests get 503.
 *
 * @throws Error that names the store and its host, never its password, if it cannot be reached
 */
export async function openFronts(places: Places): Promise<Fronts> {
  const { databaseUrl, replicaUrl, connections, statementMs, secret } = places
  const stores: { close(): Promise<void> }[] = []
  const opened = async <Store extends { close(): Promise<void> }>(opening: Promise<Store>): Promise<Store> => {
    const store = await opening
    stores.push(store)
    return store
  }
  try {
    const database = await opened(openPostgres(databaseUrl, { connections, statementMs }))
    const replica = replicaUrl ? await opened(openPostgres(replicaUrl, { connections, statementMs })) : undefined
    const redis = []
    for (const url of [places.redisUrl, ...places.redisShardUrls]) redis.push(await opened(connectRedis(url)))
    const upstash = redis.flatMap((one, at) => upstashServices(redisPath(at), one, secret))
    const services = new Map([...sqlServices(database, secret, replica), ...upstash])
    const server = createServer(serve(services)).listen(places.socket)
    await once(server, 'listening')
    return { close: () => close(server, stores) }
  } catch (error) {
    await Promise.all(stores.map((store) => store.close()))
    throw error
  }
}

interface ScriptFronts extends Fronts {
  /** The connection string that the driver must present, and the endpoint that it must call. */
  readonly url: string
  readonly endpoint: string
  /** The address of each Redis database, and the token to present. */
  readonly redis: readonly { readonly url: string; readonly token: string }[]
}

/**
 * The same for a script: on a free port of this machine, and without a limit on a statement's time.
 *
 * @param redisUrls empty if the script needs only Postgres
 */
export async function openScriptFronts(databaseUrl: string, redisUrls: readonly string[] = []): Promise<ScriptFronts> {
  const stores: { close(): Promise<void> }[] = []
  try {
    const database = await openPostgres(databaseUrl)
    stores.push(database)
    const secret = randomUUID()
    const services = sqlServices(database, secret)
    for (const [at, redisUrl] of redisUrls.entries()) {
      const redis = await connectRedis(redisUrl)
      stores.push(redis)
      for (const [path, service] of upstashServices(redisPath(at), redis, secret)) services.set(path, service)
    }
    const server = createServer(serve(services)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const at = (path: string) => `http://127.0.0.1:${port}${path}`
    return {
      url: `postgresql://tollgate:${secret}@front-${port}/tollgate`,
      endpoint: at('/sql'),
      redis: redisUrls.map((_, place) => ({ url: at(redisPath(place)), token: secret })),
      close: () => close(server, stores),
    }
  } catch (error) {
    await Promise.all(stores.map((store) => store.close()))
    throw error
  }
}

/** The database name in the connection string selects one of the two. */
function sqlServices(database: Database, secret: string, replica?: Database): Map<string, Answer> {
  const primary = ofOneStore()(sqlService(database, () => undefined))
  const reads = replica && ofOneStore()(sqlService(replica, () => undefined))
  const answer: Answer = (call) => {
    const place = URL.parse(String(call.headers['neon-connection-string']))
    if (place?.password !== secret) return refused()
    return reads && place.pathname === `/${REPLICA}` ? reads(call) : primary(call)
  }
  return new Map([['/sql', answer]])
}

/** The path of a Redis database: the first, or a later one. */
export const redisPath = (place: number) => (place === 0 ? '/redis' : `/redis-${place + 1}`)

function upstashServices(path: string, redis: RedisBackend, token: string): [string, Answer][] {
  const { single, pipeline, multiExec } = redisServices({ redis: () => redis, token, count: () => undefined })
  const limited = ofOneStore()
  return [
    [path, limited(single)],
    [`${path}/pipeline`, limited(pipeline)],
    [`${path}/multi-exec`, limited(multiExec)],
  ]
}

const refused = () => json(401, { message: 'The password is wrong.' })

/**
 * Limits the services of one store together: if {@link MAX_OPEN} calls are open, the next is answered with 503. A call whose
 * caller has disconnected is open no longer.
 */
export function ofOneStore(): (service: Answer) => Answer {
  let open = 0
  return (service) =>
    async function limited(call: Call): Promise<Reply> {
      if (open === MAX_OPEN) return busy()
      open += 1
      try {
        return await Promise.race([service(call), call.gone.then(busy)])
      } finally {
        open -= 1
      }
    }
}

/** Answers requests by the service of their path. */
export function serve(services: ReadonlyMap<string, Answer>) {
  return async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await send(response, await reply(services, request, response))
    } catch (error) {
      await send(response, json(500, { error: String(error), message: String(error) }))
    }
  }
}

const busy = () => json(503, { error: 'Too many requests are under way.', message: 'Too many requests are under way.' })

async function reply(
  services: ReadonlyMap<string, Answer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve))
  const { method = '', headers } = request
  const url = new URL(`http://stores${request.url}`)
  const service = method === 'POST' && services.get(url.pathname)
  if (!service) return json(404, { error: 'not_found', message: `There is no ${method} ${url.pathname}` })
  const body = await readBody(request)
  if (body === undefined) return json(413, { error: 'payload_too_large', message: 'A body may have at most 10 MB' })
  return service({ method, url, headers, body, gone })
}

async function close(server: Server, stores: readonly { close(): Promise<void> }[]): Promise<void> {
  server.close()
  server.closeAllConnections()
  await Promise.all(stores.map((store) => store.close()))
}
