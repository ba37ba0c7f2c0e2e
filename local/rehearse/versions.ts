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
  /** Starts a version that gets no requests yet. */
  upload(folder: string, variables: Variables): Promise<Version>
  /** Gives the version all requests. */
  deploy(version: Version): void
  /** @param texts such as `version-2@10%`, which add up to a hundred */
  share(texts: readonly string[]): void
  /** Back to the version that got all requests before. @throws Error if there is none */
  rollBack(): Version
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
  const deployed: Version[] = []
  let shares: readonly Share[] = []
  let asked = 0

  function get(id: string): Version {
    const version = all.find((one) => one.id === id)
    if (!version) throw new Error(`There is no version ${id}.`)
    return version
  }
  const present = () => deployed.at(-1) as Version
  function deploy(version: Version): void {
    if (version !== present()) deployed.push(version)
    shares = [{ version, percent: 100 }]
  }

  return {
    present,
    shares: () => shares,
    deploy,
    async upload(folder, variables) {
      const built = builds.get(folder) ?? build(folder)
      builds.set(folder, built)
      const id = `version-${all.length + 1}`
      const objects = { CF_VERSION_METADATA: { id } }
      const workerd = await startWorkerd({ tollgate: { bundle: await built, variables, objects } })
      const version = { id, folder, variables, workerd }
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
      else shares = given
    },
    rollBack() {
      const before = deployed.at(-2)
      if (!before) throw new Error('Nothing was deployed before.')
      deploy(before)
      return before
    },
    pick(override) {
      const [, named] = /^tollgate="(.+)"$/.exec(override ?? '') ?? []
      if (named) return get(named)
      const place = (37 * asked++) % 100 // all places of a hundred, with neighbors far apart
      const [first, second] = shares
      return (place < (first?.percent ?? 0) ? first : second)?.version ?? present()
    },
    close: async () => void (await Promise.all(all.map(({ workerd }) => workerd.kill()))),
  }
}
