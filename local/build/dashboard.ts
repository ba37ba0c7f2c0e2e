/** Builds the dashboard's files, as the Worker's `[assets]` serve them. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const configFile = fileURLToPath(new URL('../../dashboard/vite.config.ts', import.meta.url))

/**
 * @param outDir where its files go, if not to where the Worker has them from
 * @throws Error when something cannot be built
 */
export async function buildDashboard(outDir?: string): Promise<void> {
  await build({ configFile, ...(outDir && { build: { outDir } }) })
}

/**
 * Builds it, and again after each change of its sources, until it is ended. A mistake in the sources is printed,
 * and the files of the last good build stay.
 *
 * @param folder the folder of all assets, for this server alone
 * @returns what ends it, once the first build is done
 */
export async function watchDashboard(folder: string): Promise<() => Promise<void>> {
  const outDir = join(resolve(folder), 'dashboard')
  const watcher = await build({ configFile, mode: 'development', build: { watch: {}, outDir } })
  if (!('on' in watcher)) throw new Error('vite does not watch.')
  const built = Promise.withResolvers<void>()
  watcher.on('event', (event) => {
    if (event.code === 'ERROR') console.error(`The dashboard cannot be built: ${event.error.message}`)
    if (event.code === 'END' || event.code === 'ERROR') built.resolve()
  })
  await built.promise
  return () => watcher.close()
}
