/** Versions of the Worker, each in its own workerd, and the share of requests of each. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startWorkerd, type Workerd } from '../../bench/worker.ts'

export type Variables = Readonly<Record<string, string>>

export interface Version {
  readonly id: string
  /** The checkout that it was built from. */
  readonly folder: string
  readonly variables: Variables
  /** Whether a change of a secret made it. */
  readonly changesSecret: boolean
  readonly createdAt: string
  readonly workerd: Workerd
}

interface Share {
  readonly version: Version
  readonly percent: number
}

export interface Versions {
  /** The last version that got all requests. */
  present(): Version
  shares(): readonly Share[]
  get(id: string): Version
  /** The deployments, the newest last. */
  deployments(): readonly (readonly Share[])[]
  /** Starts a version that gets no requests yet. */
  upload(folder: string, variables: Variables, changesSecret?: boolean): Promise<Version>
  /** The last version that was uploaded. @throws Error as Cloudflare's, if it does not get all requests: a secret cannot be changed then */
  latest(): Version
  /** Gives the version all requests. */
  deploy(version: Version): void
  /** @param texts such as `version-2@10%`, which add up to a hundred */
  share(texts: readonly string[]): void
  /** @param override the version that the request names, which may have no share */
  pick(override: string | undefined): Version
  close(): Promise<void>
}

type Built = Awaited<ReturnType<typeof build>>

/** Uses the checkout's own bundler. */
async function build(folder: string) {
  const bundler = pathToFileURL(join(folder, 'local/build/bundle.ts')).href
  const { bundle } = (await import(bundler)) as typeof import('../build/bundle.ts')
  return { pieces: await bundle('local/rehearse/worker/index.ts') }
}

export function createVersions(): Versions {
  const all: Version[] = []
  const builds = new Map<string, Promise<Built>>()
  const deployments: (readonly Share[])[] = []
  let present: Version | undefined
  let asked = 0

  function get(id: string): Version {
    const version = all.find((one) => one.id === id)
    if (!version) throw new Error(`There is no version ${id}.`)
    return version
  }
  const shares = () => deployments.at(-1) ?? []
  function deploy(version: Version): void {
    present = version
    deployments.push([{ version, percent: 100 }])
  }

  return {
    present: () => present as Version,
    shares,
    get,
    deployments: () => deployments,
    deploy,
    latest() {
      const version = all.at(-1) as Version
      if (shares().length > 1 || shares()[0]?.version !== version)
        throw new Error('The latest version of your Worker is not deployed. [code: 10215]')
      return version
    },
    async upload(folder, variables, changesSecret = false) {
      const built = builds.get(folder) ?? build(folder)
      builds.set(folder, built)
      const id = `version-${all.length + 1}`
      const objects = { CF_VERSION_METADATA: { id } }
      const workerd = await startWorkerd({ tollgate: { bundle: await built, variables, objects } })
      const createdAt = new Date(1_000 * all.length).toISOString()
      const version = { id, folder, variables, changesSecret, createdAt, workerd }
      all.push(version)
      return version
    },
    share(texts) {
      const given = texts.map((text) => {
        const [id = '', percent = ''] = text.split('@')
        return { version: get(id), percent: Number.parseInt(percent, 10) }
      })
      const [first, ...rest] = given
      if (first && rest.length === 0) deploy(first.version)
      else deployments.push(given)
    },
    pick(override) {
      const [, named] = /^tollgate="(.+)"$/.exec(override ?? '') ?? []
      if (named) return get(named)
      const place = (37 * asked++) % 100 // all places of a hundred, with neighbors far apart
      const [first, second] = shares()
      return (place < (first?.percent ?? 0) ? first : second)?.version ?? (present as Version)
    },
    close: async () => void (await Promise.all(all.map(({ workerd }) => workerd.kill()))),
  }
}
