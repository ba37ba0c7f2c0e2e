import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { findChromium } from '../../../local/support/chromium.ts'
import type { DevCredentials } from '../../../local/support/dev-files.ts'
import { startDevServer } from '../../../local/support/dev-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    server: { readonly baseUrl: string; readonly localUrl: string; readonly credentials: DevCredentials }
  }
}

/** One server with the demo, in a folder that is gone afterwards. */
export default async function setUp(project: TestProject) {
  findChromium() // before anything is started
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-browser-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { stop, ...server } = await startDevServer(folder, '--demo')
    project.provide('server', server)
    return async () => {
      await stop()
      await remove()
    }
  } catch (error) {
    await remove()
    throw error
  }
}
