import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Locks a folder for this process, by a file next to it that contains the process id. PGlite itself would let two
 * processes write into the same folder and corrupt it. A lock whose process has died is taken over.
 *
 * @returns how to release the folder
 * @throws an Error that names the folder and the process that holds it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = `${folder}.lock`
  await mkdir(dirname(file), { recursive: true })
  const holder = Number(await readFile(file, 'utf8').catch(() => ''))
  if (isAlive(holder)) throw new Error(`The folder ${folder} is in use by process ${holder} (${file}).`)
  await writeFile(file, String(process.pid))
  return () => rm(file, { force: true })
}

function isAlive(processId: number): boolean {
  if (!(processId > 0)) return false
  try {
    return process.kill(processId, 0)
  } catch {
    return false
  }
}
