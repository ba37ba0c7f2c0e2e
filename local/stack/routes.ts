import { BREACHED_RANGE, breachedService } from './breached.ts'
import { addFault, type Counters, resetCounters } from './control.ts'
import type { Database } from './database.ts'
import { disposableDomains } from './disposable.ts'
import { openDns } from './dns.ts'
import type { Faults } from './faults.ts'
import type { Route } from './http.ts'
import { type Call, html, json, type Reply } from './http.ts'
import { openIdentityProviders } from './identity/routes.ts'
import { issuerRoutes } from './issuers.ts'
import { mailService, type SentMails } from './mail.ts'
import { mapPart, type Parts } from './memory.ts'
import { modelRoutes } from './model/routes.ts'
import { openMoments } from './moments.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { indexPage, outboxPage } from './pages.ts'
import { type BillingOptions, openBilling } from './payments/routes.ts'
import type { RedisBackend } from './redis.ts'
import { sqlService } from './sql.ts'
import { openTurnstile } from './turnstile.ts'
import { redisServices } from './upstash.ts'
import { CATCH, createCatcher } from './webhook-catcher.ts'

interface Stores {
  database: Database
  redis: RedisBackend
  secondRedis(): Promise<RedisBackend>
  redisToken: string
  faults: Faults
  counters: Counters
  billing: BillingOptions
}

interface Services {
  readonly routes: Map<string, Route>
  readonly memory: Parts
  close(): Promise<void>
}

/** Every service of the stack, by method and path, and their state in memory. */
export function openServices(stores: Stores): Services {
  const { faults, counters } = stores
  const moments = openMoments(stores.database)
  const outbox = createOutbox()
  const catcher = createCatcher()
  const sent: SentMails = new Map()
  const billing = openBilling(stores.billing)
  const identity = openIdentityProviders()
  const dns = openDns()
  const turnstile = openTurnstile()
  const countStatements = (statements: number) => void (counters.sql.statements += statements)
  const table: Record<string, Route> = {
    'GET /': { answer: () => html(200, indexPage()) },
    'POST /sql': { door: 'sql', answer: sqlService(moments.present, countStatements) },
    ...redisRoutes('/redis', 'redis', () => stores.redis, stores),
    ...redisRoutes('/redis-2', 'redis_2', stores.secondRedis, stores),
    [`GET ${BREACHED_RANGE}*`]: { door: 'breached', answer: breachedService },
    'GET /disposable/domains.txt': { door: 'disposable', answer: disposableDomains },
    'POST /mail/emails': { door: 'mail', answer: mailService(outbox, sent) },
    'GET /outbox': { answer: (call) => showOutbox(outbox, call) },
    'DELETE /outbox': { answer: () => done(outbox.clear) },
    [`POST ${CATCH}`]: { door: 'webhooks', answer: catcher.take },
    [`POST ${CATCH}/*`]: { door: 'webhooks', answer: catcher.take },
    'GET /webhooks': { answer: catcher.show },
    'DELETE /webhooks': { answer: () => done(catcher.clear) },
    ...issuerRoutes(),
    ...identity.routes,
    ...dns.routes,
    ...turnstile.routes,
    ...modelRoutes(),
    ...billing.routes,
    ...moments.routes,
    'GET /control/counters': { answer: () => json(200, counters) },
    'DELETE /control/counters': { answer: () => done(() => resetCounters(counters)) },
    'GET /control/faults': { answer: () => json(200, faults.list()) },
    'POST /control/faults': { answer: (call) => addFault(faults, call) },
    'DELETE /control/faults': { answer: () => done(faults.clear) },
  }
  const memory = {
    ...billing.memory,
    outbox: outbox.memory,
    caught: catcher.memory,
    sent: mapPart(sent),
    dns: dns.memory,
  }
  const close = async () => void (await Promise.all([moments.close(), identity.close()]))
  return { routes: new Map(Object.entries(table)), memory, close }
}

type RedisDoor = 'redis' | 'redis_2'

/** Upstash's REST interface for one database. */
function redisRoutes(
  path: string,
  door: RedisDoor,
  redis: () => RedisBackend | Promise<RedisBackend>,
  { redisToken: token, counters }: Pick<Stores, 'redisToken' | 'counters'>,
): Record<string, Route> {
  const count = (commands: number) => void (counters[door].commands += commands)
  const { single, pipeline, multiExec } = redisServices({ redis, token, count })
  return {
    [`POST ${path}`]: { door, answer: single },
    [`POST ${path}/pipeline`]: { door, answer: pipeline },
    [`POST ${path}/multi-exec`]: { door, answer: multiExec },
  }
}

/** @returns the route of a path, of everything in its folder (`GET /breached/range/*`), or below two folders (`/polar/v1/**`) */
export function findRoute(table: ReadonlyMap<string, Route>, method: string, path: string): Route | undefined {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const twoFolders = path.split('/').slice(0, 3).join('/')
  const names = [path, `${folder}*`, `${twoFolders}/**`]
  return names.map((name) => table.get(`${method} ${name}`)).find((route) => route !== undefined)
}

function showOutbox(outbox: Outbox, { url, headers }: Call): Reply {
  const mails = outbox.list(url.searchParams.get('to') ?? undefined)
  const wantsJson = url.searchParams.get('format') === 'json' || headers.accept?.includes('application/json')
  return wantsJson ? json(200, mails) : html(200, outboxPage(mails))
}

function done(work: () => void): Reply {
  work()
  return { status: 204, type: 'text/plain', body: '' }
}
