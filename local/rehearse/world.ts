import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath, URL } from 'node:url'
import type { Sql } from '../../src/db/client.ts'
import { type Client, signIn } from '../demo/client.ts'
import { untilAnswered } from '../demo/until-answered.ts'
import { through } from '../support/connect.ts'
import { readVariables } from '../support/dev-files.ts'
import type { DevServer } from '../support/dev-server.ts'
import { MINUTE_CRONS } from '../support/minute-crons.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = `${ROOT}docs/operate/runbooks.md`
const TRIES = 120
const TRY_MS = 500

/** A running server, and how a rehearsal causes trouble there and follows the page. */
export interface World {
  readonly server: DevServer
  /** For files of a rehearsal. */
  readonly folder: string
  readonly admin: Client
  /** A back end's client, with a service key that may do everything. */
  readonly service: Client
  /**
   * Runs the commands of a section of the page, one after the other.
   *
   * @param variables for all commands, or for the command at that position, after doing what the page leaves to a person
   * @returns the output of each
   */
  follow(section: string, variables?: Variables | ((place: number) => Promise<Variables>)): Promise<string[]>
  /** Runs a command like those of the page. @returns its output */
  run(command: string): Promise<string>
  /** Makes every request to an outside service fail, until `mend`. */
  breakService(name: Broken): Promise<void>
  mend(): Promise<void>
  /** The Worker's variables. */
  readonly variables: Variables
  /** How many rows of overage the end of a month has. */
  readonly rows: number
  /** Sends a request to the local stack. @returns its JSON answer */
  stack(path: string, body?: object): Promise<unknown>
  /** The current database, bypassing the Worker. */
  readonly sql: Sql
  /** Runs the every-minute jobs, as if they were due at that time. */
  runJobs(at?: Date): Promise<void>
  /** Runs a Redis command, bypassing the Worker. */
  redis(...words: string[]): Promise<unknown>
  /** The same world, but with another server. @param environment what commands need to reach that server */
  at(baseUrl: string, environment: Variables): World
}

type Variables = Readonly<Record<string, string>>
type Broken = 'sql' | 'stripe' | 'polar' | 'mail' | 'webhooks'

/** @returns the commands of a section, in order */
export function commandsOf(page: string, section: string): string[] {
  const [, text] = page.split(`\n## ${section}\n`)
  if (text === undefined) throw new Error(`The page has no section ${section}.`)
  const [own = ''] = text.split('\n## ')
  return [...own.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command = '']) => command)
}

export async function openWorld(server: DevServer, folder: string, rows: number): Promise<World> {
  const { baseUrl, localUrl, credentials } = server
  const variables = Object.fromEntries(await readVariables(folder))
  const login = await fetch(`${baseUrl}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(credentials.admin),
  })
  const { access_token: token } = (await login.json()) as { access_token: string }
  const admin = await signIn(baseUrl, credentials.admin)
  const { key } = await admin.call<{ key: string }>('POST', '/admin/service-keys', {
    name: 'Rehearsal',
    scopes: ['platform:*'],
  })
  const faults = `${localUrl}/control/faults`
  const { sql } = through(variables['DATABASE_URL'] ?? '', `${localUrl}/sql`)
  const environment = { ...variables, BASE_URL: baseUrl, ADMIN_TOKEN: token, SERVICE_KEY: key }
  const world: World = {
    server,
    folder,
    sql,
    rows,
    variables,
    admin,
    service: withToken(baseUrl, key),
    ...commander(environment),
    runJobs: jobsOf(baseUrl),
    async stack(path, body) {
      const answer = body ? await post(`${localUrl}${path}`, body) : await fetch(`${localUrl}${path}`)
      await expectOk(answer)
      const text = await answer.text()
      return text ? JSON.parse(text) : undefined
    },
    async breakService(door) {
      await expectOk(await post(faults, { door, kind: 'status', value: 503 }))
    },
    async mend() {
      await expectOk(await fetch(faults, { method: 'DELETE' }))
    },
    async redis(...words) {
      const answer = await post(`${localUrl}/redis`, words, variables['UPSTASH_REDIS_REST_TOKEN'])
      await expectOk(answer)
      return ((await answer.json()) as { result: unknown }).result
    },
    at: (url, more) => ({
      ...world,
      admin: withToken(url, token),
      service: withToken(url, key),
      ...commander({ ...environment, BASE_URL: url, ...more }),
      runJobs: jobsOf(url),
    }),
  }
  return world
}

/** Runs commands with that environment. */
const commander = (environment: Variables): Pick<World, 'follow' | 'run'> => ({
  run: (command) => runCommand(command, environment),
  async follow(section, more = {}) {
    const commands = commandsOf(await readFile(PAGE, 'utf8'), section)
    const printed: string[] = []
    for (const [place, command] of commands.entries()) {
      const own = typeof more === 'function' ? await more(place) : more
      printed.push(await runCommand(command, { ...environment, ...own }))
    }
    return printed
  },
})

/** Runs the jobs of the server at that address. */
function jobsOf(baseUrl: string): World['runJobs'] {
  async function fire(cron: string, at: Date) {
    const query = new URLSearchParams({ cron, time: String(at.getTime()) })
    const { status, text } = await untilAnswered(`${baseUrl}/cdn-cgi/local/scheduled?${query.toString()}`)
    if (status !== 200) throw new Error(`The jobs answered ${status}: ${text}`)
  }
  return async (at = new Date()) => void (await Promise.all(MINUTE_CRONS.map((cron) => fire(cron, at))))
}

/** @returns a client whose requests are sent once: a rehearsal looks at their failures */
export function withToken(baseUrl: string, token?: string): Client {
  return {
    async call(method, path, body) {
      const answer = await fetch(`${baseUrl}/api/v1${path}`, {
        method,
        headers: {
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(body && { 'Content-Type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      await expectOk(answer, `${method} ${path}`)
      const text = await answer.text()
      return text ? JSON.parse(text) : undefined
    },
  }
}

const post = (url: string, body: unknown, token?: string) =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })

async function expectOk(answer: Response, what = answer.url): Promise<void> {
  if (!answer.ok) throw new Error(`${what} answered ${answer.status}: ${await answer.clone().text()}`)
}

/** @throws Error with the output of a command that fails */
async function runCommand(command: string, variables: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd: ROOT,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (printed += chunk))
  const [code] = await once(child, 'close')
  const said = printed.trim().split('\n').at(-1) ?? ''
  if (code !== 0)
    throw new Error(`This command of the page failed with ${code}, ${said} ${command.replaceAll('\n', ' ')}`)
  return printed
}

/** @throws Error that says what was expected */
export function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`Expected: ${what}`)
}

/** Waits until a condition holds, for a minute at most. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await holds()) return
    await wait(TRY_MS)
  }
  throw new Error(`Did not come true within a minute: ${what}`)
}
