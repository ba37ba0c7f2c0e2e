import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { type Bundle, buildWorker } from '../../bench/worker.ts'

/** Tollgate as it is deployed. It is built once per run, by the first file that needs it: many files start one. */
export async function builtWorker(): Promise<Bundle> {
  const { BUILT_WORKER: file } = process.env
  if (file === undefined) return buildWorker('src/index.ts')
  if (existsSync(file)) return deserialize(await readFile(file)) as Bundle
  const built = await buildWorker('src/index.ts')
  const own = `${file}.${process.pid}`
  await writeFile(own, serialize(built))
  await rename(own, file) // whole or not at all, since other files read it at the same time
  return built
}
