/** A deployment for rehearsals, over the stores of an `npm run dev` server. It receives what a page tells wrangler to do. */
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe } from '../support/command.ts'
import { createVersions, type Variables, type Version, type Versions } from './versions.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const WRANGLER = fileURLToPath(new URL('./wrangler.ts', import.meta.url))
/** Cloudflare's header that selects a version of a Worker by name. */
const OVERRIDE = 'cloudflare-workers-version-overrides'

/** The arguments of a wrangler call, and its checkout. */
export interface Called {
  readonly args: readonly string[]
  readonly input: string
  readonly folder: string
}

export interface Said {
  readonly code: number
  readonly output: string
  readonly uploaded?: string
}

export interface Deployment {
  readonly url: string
  /** The environment that commands need in order to reach it. */
  readonly environment: Variables
  close(): Promise<void>
}

type Verb = (versions: Versions, called: Called) => Promise<Omit<Said, 'code'>>

/** By the first two words. The output is what wrangler's callers read of it. */
const VERBS: Readonly<Record<string, Verb>> = {
  async 'deployments status'(versions) {
    const shares = versions.shares().map(({ version, percent }) => ({ version_id: version.id, percentage: percent }))
    return { output: JSON.stringify({ versions: shares }) }
  },
  async 'deployments list'(versions) {
    const deployments = versions.deployments().map((shares, at) => ({
      created_on: new Date(1_000 * at).toISOString(),
      versions: shares.map(({ version }) => ({ version_id: version.id })),
    }))
    return { output: JSON.stringify(deployments) }
  },
  async 'versions view'(versions, { args: [, , id = ''] }) {
    const { folder, changesSecret, createdAt } = versions.get(id)
    const annotations = { 'workers/triggered_by': changesSecret ? 'secret' : 'upload' }
    const resources = { script: { etag: folder } }
    return { output: JSON.stringify({ id, metadata: { created_on: createdAt }, annotations, resources }) }
  },
  async 'versions upload'(versions, { folder }) {
    const { id } = await versions.upload(folder, versions.present().variables)
    return { output: `Uploaded ${id}.`, uploaded: id }
  },
  async 'versions deploy'(versions, { args }) {
    versions.share(args.filter((arg) => arg.includes('@')))
    return { output: 'Deployed.' }
  },
  'triggers deploy': async () => ({ output: 'Deployed.' }),
  async 'secret put'(versions, { args: [, , name = ''], input }) {
    const { folder, variables } = versions.latest()
    versions.deploy(await versions.upload(folder, { ...variables, [name]: input.trim() }, true))
    return { output: `Success! Uploaded secret ${name}` }
  },
  async 'secret delete'(versions, { args: [, , name = ''] }) {
    const { folder, variables } = versions.latest()
    if (!(name in variables)) throw new Error(`There is no secret ${name}.`)
    const { [name]: _, ...rest } = variables
    versions.deploy(await versions.upload(folder, rest, true))
    return { output: `Success! Deleted secret ${name}` }
  },
}

/**
 * Deploys the sources of this checkout as the first version.
 *
 * @param folder for its own programs
 */
export async function openDeployment(variables: Variables, folder: string): Promise<Deployment> {
  const versions = createVersions()
  versions.deploy(await versions.upload(ROOT, variables))
  const [edge, control] = await Promise.all([
    listen((request, response) => pass(versions.pick(header(request)), request, response)),
    listen(async (request, response) => void response.end(JSON.stringify(await doAsTold(versions, request)))),
  ])
  return {
    url: urlOf(edge),
    environment: {
      PATH: [await putNpx(join(folder, 'bin')), process.env.PATH].join(delimiter),
      REHEARSED_WRANGLER: urlOf(control),
      PUBLIC_URL: urlOf(edge),
      WRANGLER,
    },
    async close() {
      for (const server of [edge, control]) {
        server.close()
        server.closeAllConnections()
      }
      await versions.close()
    },
  }
}

const header = ({ headers }: IncomingMessage) => headers[OVERRIDE]?.toString()
const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** The `npx wrangler` of a page's commands. */
async function putNpx(bin: string): Promise<string> {
  await mkdir(bin, { recursive: true })
  const file = join(bin, 'npx')
  await writeFile(
    file,
    `#!/bin/sh\n[ "$1" = wrangler ] || exit 127\nshift\nexec "${process.execPath}" "${WRANGLER}" "$@"\n`,
  )
  await chmod(file, 0o755)
  return bin
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<Server> {
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function pass({ workerd }: Version, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = '' } = request
  const asked = ask(new URL(url, workerd.url), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  asked.on('error', () => void response.writeHead(502).end())
  request.pipe(asked)
}

async function doAsTold(versions: Versions, request: IncomingMessage): Promise<Said> {
  const called = (await json(request)) as Called
  const verb = VERBS[called.args.slice(0, 2).join(' ')]
  try {
    if (!verb) throw new Error(`Rehearsals have no wrangler ${called.args.join(' ')}.`)
    return { code: 0, ...(await verb(versions, called)) }
  } catch (error) {
    return { code: 1, output: describe(error) }
  }
}
