/** `npm run dev`: the local stack, migrations, seed, and the Worker in wrangler's server. Ctrl-C ends all of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { reportConfig } from '../src/config-report.ts'
import { watchDashboard } from './build/dashboard.ts'
import { buildDocs } from './build/docs.ts'
import { fillDemo } from './demo/fill.ts'
import { untilAnswered } from './demo/until-answered.ts'
import { LOCAL_CREDIT_PRODUCT } from './stack/payments/products.ts'
import type { BillingOptions } from './stack/payments/routes.ts'
import { type Stack, type StackOptions, startStack } from './stack/stack.ts'
import { createAdviceFilter } from './support/advice.ts'
import { readArguments } from './support/arguments.ts'
import { command, describe } from './support/command.ts'
import { through } from './support/connect.ts'
import {
  type DevCredentials,
  devVariables,
  inheritedVariables,
  readCredentials,
  writeCredentials,
  writeVariables,
} from './support/dev-files.ts'
import { localProviders } from './support/local-providers.ts'
import { LOCAL_SCOPES } from './support/local-scopes.ts'
import { migrateUp } from './support/migrations.ts'
import { MINUTE_CRONS } from './support/minute-crons.ts'
import { otherPort, portFrom, requireFreePort } from './support/ports.ts'
import { seedDemo } from './support/seed-data.ts'
import { readAddress } from './support/settings.ts'
import { silently } from './support/silently.ts'
import { untilUp } from './support/until-up.ts'
import { welcome } from './support/welcome.ts'

const HELP = `Usage: npm run dev -- [--fresh] [--demo]

Serves everything at http://localhost:8000, with all its data in .local/.
  --fresh        starts from nothing
  --demo         adds three customers with 60 days of usage, once; their owners' logins are in credentials.json
Environment: PORT (8000), LOCAL_PORT (8001), DATABASE_URL and REDIS_URL for real stores instead of the embedded ones,
TOLLGATE_LOCAL_DIR for another folder; BRAND_NAME, BRAND_COLOR and BRAND_LOGO_URL for the look of the customer portal.`

const FOLDER = process.env.TOLLGATE_LOCAL_DIR || '.local'
/** The embedded database takes any name and password; only the protocol matters. */
const EMBEDDED_URL = 'postgresql://postgres:local@localhost/postgres'

/** By its path, not by name: on Windows only a shell finds npm's programs. */
const WRANGLER = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url))
const END_WITH_PARENT = new URL('./support/end-with-parent.ts', import.meta.url).href

interface Addresses {
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
}

await command(async function dev() {
  const { values } = readArguments({ fresh: { type: 'boolean' }, demo: { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  const addresses = {
    databaseUrl: readAddress(process.env, 'DATABASE_URL'),
    redisUrl: readAddress(process.env, 'REDIS_URL'),
  }
  const port = portFrom('PORT', 8000)
  const localPort = portFrom('LOCAL_PORT', 8001)
  if (port === localPort) throw new Error(`PORT and LOCAL_PORT are both ${port}; they must differ.`)
  await requireFreePort('PORT', port)
  if (values.fresh) await rm(FOLDER, { recursive: true, force: true })
  await mkdir(FOLDER, { recursive: true })

  const variables = await devVariables(FOLDER, port)
  const billing = toBillingOptions(variables, port)
  const stack = await openStack({ port: localPort, redisToken: variables.UPSTASH_REDIS_REST_TOKEN, billing }, addresses)
  let endWatch: (() => Promise<void>) | undefined
  try {
    const worker = {
      EMAIL_SIGN_IN: 'code',
      ...variables,
      ...inheritedVariables(process.env),
      DATABASE_URL: addresses.databaseUrl ?? EMBEDDED_URL,
      NEON_FETCH_ENDPOINT: `${stack.url}/sql`,
      UPSTASH_REDIS_REST_URL: `${stack.url}/redis`,
      REDIS_TIMEOUT_MS: '5000', // a laptop that is busy with something else is slow, not broken
      MAIL_PROVIDER: 'resend',
      MAIL_API_URL: `${stack.url}/mail/emails`,
      MAIL_API_KEY: 'local',
      MAIL_FROM: 'Tollgate <no-reply@tollgate.local>',
      BREACHED_PASSWORDS_URL: `${stack.url}/breached/range`,
      DISPOSABLE_DOMAINS_URL: `${stack.url}/disposable/domains.txt`,
      TURNSTILE_URL: `${stack.url}/turnstile/v0`,
      DNS_URL: `${stack.url}/dns-query`,
      TRUSTED_ISSUERS: JSON.stringify([localIssuer(stack.url)]),
      SIGN_IN_PROVIDERS: JSON.stringify(localProviders(stack.url)),
      OAUTH_SCOPES: JSON.stringify(LOCAL_SCOPES),
      POLAR_API_URL: `${stack.url}/polar/v1`,
      POLAR_CREDIT_PRODUCT_ID: LOCAL_CREDIT_PRODUCT,
      STRIPE_API_URL: `${stack.url}/stripe/v1`,
    }
    requireWorking(worker)
    await buildDocs(`${FOLDER}/assets`)
    endWatch = await watchDashboard(`${FOLDER}/assets`)
    await prepareDatabase(stack, port, addresses.databaseUrl)
    await writeVariables(FOLDER, worker)
    await serve(port, async () => {
      if (values.demo) await addDemo(port, stack, worker)
      await greet(port, stack)
    })
  } finally {
    await Promise.all([stack.close(), endWatch?.()])
  }
})

/** @throws Error that names the settings of the environment that cannot work; the Worker would refuse them only later */
function requireWorking(worker: Readonly<Record<string, string>>): void {
  const { faults } = silently(() => reportConfig(worker))
  if (faults.length > 0) throw new Error(`${faults.map(({ variable, reason }) => `${variable} ${reason}`).join('; ')}.`)
}

/** Both payment providers send their events to the Worker, as they would to a deployment. */
function toBillingOptions(variables: Awaited<ReturnType<typeof devVariables>>, port: number): BillingOptions {
  const webhooks = `http://localhost:${port}/api/v1/webhooks`
  const { POLAR_ACCESS_TOKEN, POLAR_WEBHOOK_SECRET, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET } = variables
  return {
    polar: { token: POLAR_ACCESS_TOKEN, webhookSecret: POLAR_WEBHOOK_SECRET, webhookUrl: `${webhooks}/polar` },
    stripe: { token: STRIPE_SECRET_KEY, webhookSecret: STRIPE_WEBHOOK_SECRET, webhookUrl: `${webhooks}/stripe` },
  }
}

/** The stack's own issuer of tokens (docs/operate/trusted-issuers.md). */
function localIssuer(stackUrl: string) {
  const url = `${stackUrl}/issuers/jwks/local`
  const roles = { admin: 'admin', member: 'member', viewer: 'viewer' }
  return {
    issuer: url,
    jwks_url: url,
    audience: 'tollgate',
    algorithms: ['ES256'],
    organization_claim: 'org_id',
    role_claim: 'role',
    roles,
  }
}

async function openStack(
  options: Pick<StackOptions, 'port' | 'redisToken' | 'billing'>,
  { databaseUrl, redisUrl }: Addresses,
): Promise<Stack> {
  const { port } = options
  try {
    return await startStack({
      ...options,
      dataDir: `${FOLDER}/postgres`,
      memoryFile: `${FOLDER}/memory`,
      ...(databaseUrl && { databaseUrl }),
      ...(redisUrl && { redisUrl }),
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new Error(
      `Port ${port} is taken. Stop what uses it, or choose another: LOCAL_PORT=${otherPort(port)} npm run dev`,
      { cause: error },
    )
  }
}

async function prepareDatabase(stack: Stack, port: number, databaseUrl = EMBEDDED_URL): Promise<void> {
  const { sql } = through(databaseUrl, `${stack.url}/sql`)
  await migrateUp(sql, undefined, (name) => console.log(`migrated ${name}`))
  const known = await readCredentials(FOLDER)
  const credentials = { base_url: `http://localhost:${port}`, local_url: stack.url, ...(await seedDemo(sql, known)) }
  console.log('The database is ready; starting the Worker …')
  await writeCredentials(FOLDER, { ...credentials, ...(known.demo && { demo: known.demo }) })
}

/** Uses the Worker's own API, so the Worker must already answer. */
async function addDemo(port: number, stack: Stack, variables: Readonly<Record<string, string>>): Promise<void> {
  const credentials = (await readCredentials(FOLDER)) as DevCredentials
  console.log('Filling three customers with 60 days of usage …')
  const [baseUrl, localUrl] = [`http://localhost:${port}`, stack.url]
  const demo = await fillDemo({
    baseUrl,
    localUrl,
    variables,
    credentials,
    runCron: () => Promise.all(cronUrls(port).map((url) => untilAnswered(url))),
  })
  await writeCredentials(FOLDER, { ...credentials, demo })
}

/**
 * Runs wrangler's server until the user ends it.
 *
 * @param onUp called once it answers
 * @throws Error when it ends by itself; it has printed what went wrong
 */
async function serve(port: number, onUp: () => Promise<void>): Promise<void> {
  const server = spawn(
    process.execPath,
    [
      '--import',
      END_WITH_PARENT,
      WRANGLER,
      'dev',
      '--port',
      String(port),
      '--env-file',
      `${FOLDER}/dev.vars`,
      '--assets',
      `${FOLDER}/assets`,
      '--show-interactive-dev-session=false',
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' },
    },
  )
  let isWanted = true
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      isWanted = false
      server.kill(signal)
    })
  }
  const ended = once(server, 'exit')
  createInterface({ input: server.stdout }).on('line', (line) => {
    if (process.env.DEBUG) console.log(line)
    else if (line.includes('[custom build]') && !line.includes('Running:')) console.error(line) // an error in the sources
  })
  const isWorthShowing = createAdviceFilter()
  createInterface({ input: server.stderr }).on('line', (line) => isWorthShowing(line) && console.error(line))
  try {
    if (await untilUp(`http://localhost:${port}`, server)) await onUp()
  } catch (error) {
    server.kill()
    throw error
  }
  const crons = setInterval(() => void runCron(port), 60_000)
  await ended
  clearInterval(crons)
  if (isWanted) throw new Error("wrangler's server ended by itself.")
}

async function greet(port: number, stack: Stack): Promise<void> {
  const { api_key, service_key } = await readCredentials(FOLDER)
  console.log(
    welcome({
      folder: FOLDER,
      baseUrl: `http://localhost:${port}`,
      localUrl: stack.url,
      apiKey: api_key ?? '',
      serviceKey: service_key ?? '',
    }),
  )
}

function cronUrls(port: number): string[] {
  const url = `http://localhost:${port}/cdn-cgi/local/scheduled`
  return MINUTE_CRONS.map((cron) => `${url}?cron=${encodeURIComponent(cron)}`)
}

/** wrangler's server runs no crons by itself. */
async function runCron(port: number): Promise<void> {
  await Promise.all(cronUrls(port).map((url) => fetch(url))).catch((error) =>
    console.error(`The every-minute jobs did not run: ${describe(error)}`),
  )
}
