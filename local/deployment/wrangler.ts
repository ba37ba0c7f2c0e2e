/** wrangler as a program. Its results are read from files and JSON, not from its messages for people. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../node_modules/wrangler/bin/wrangler.js', import.meta.url))

/** Runs a wrangler command. @returns its standard output @throws Error when it fails; wrangler has printed why */
export type Wrangler = (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<string>

/** wrangler itself, or the script that replaces it in a rehearsal. */
export function openWrangler(program = process.env.WRANGLER || PROGRAM): Wrangler {
  return async function wrangler(args, env = {}) {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', ...env },
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`wrangler ${args.slice(0, 2).join(' ')} failed: ${lastLine(output)}`)
    return output
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}

/** Uploads the Worker as a version that gets no requests yet. @returns its id */
export async function uploadVersion(wrangler: Wrangler): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-upload-'))
  const file = join(folder, 'output.ndjson')
  try {
    await wrangler(['versions', 'upload'], { WRANGLER_OUTPUT_FILE_PATH: file })
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
    const entries = lines.map((line) => JSON.parse(line) as { type: string; version_id?: string })
    const id = entries.find(({ type }) => type === 'version-upload')?.version_id
    if (!id) throw new Error('wrangler did not say which version it uploaded.')
    return id
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** @returns the version that gets all requests; undefined if nothing is deployed, or several versions share them */
export async function findDeployed(wrangler: Wrangler): Promise<string | undefined> {
  const { versions } = readJson(await wrangler(['deployments', 'status', '--json'])) as Deployment
  return versions.length === 1 ? versions[0]?.version_id : undefined
}

/** Sends this percentage of requests to a version, and the rest to another. */
export async function share(wrangler: Wrangler, version: string, percent: number, other: string): Promise<void> {
  const rest = percent < 100 ? [`${other}@${100 - percent}%`] : []
  await wrangler(['versions', 'deploy', `${version}@${percent}%`, ...rest, '--yes'])
}

interface Deployment {
  readonly created_on: string
  readonly versions: readonly { readonly version_id: string }[]
}

/** The ids of the versions of each of the last ten deployments, the newest first. */
export async function listDeployments(wrangler: Wrangler): Promise<readonly (readonly string[])[]> {
  const deployments = readJson(await wrangler(['deployments', 'list', '--json'])) as Deployment[]
  return deployments
    .toSorted((one, other) => other.created_on.localeCompare(one.created_on))
    .map(({ versions }) => versions.map(({ version_id: id }) => id))
}

export interface Version {
  readonly id: string
  readonly createdAt: string
  /** The same for two versions with the same code. */
  readonly code: string
  /** Whether it was made by a change of a secret, from the code of another version. */
  readonly changesSecret: boolean
}

interface VersionView {
  readonly metadata: { readonly created_on: string }
  readonly annotations?: Readonly<Record<string, string>>
  readonly resources: { readonly script: { readonly etag: string } }
}

export async function viewVersion(wrangler: Wrangler, id: string): Promise<Version> {
  const view = readJson(await wrangler(['versions', 'view', id, '--json'])) as VersionView
  const { metadata, annotations, resources } = view
  const changesSecret = annotations?.['workers/triggered_by'] === 'secret'
  return { id, createdAt: metadata.created_on, code: resources.script.etag, changesSecret }
}

/** wrangler may say something before its JSON. */
const readJson = (text: string): unknown => JSON.parse(text.slice(text.search(/[[{]/)))
