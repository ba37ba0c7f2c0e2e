/** Builds the dashboard's files, which the Worker's `[assets]` serve. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const configFile = fileURLToPath(new URL('../../dashboard/vite.config.ts', import.meta.url))

/**
 * @param outDir where its files go, if not to the folder that the Worker serves
 * @throws Error when something cannot be built
 */
export async function buildDashboard(outDir?: string): Promise<void> {
  await build({ configFile, ...(outDir && { build: { outDir } }) })
}

/**
 * Builds the dashboard, and again after each change of its sources, until it is stopped. An error in the sources is printed,
 * and the files of the last good build stay.
 *
 * @param folder the folder of all assets, used only by this server
 * @returns a function that stops it, once the first build is done
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
