/** Builds the Worker into dist/, where wrangler takes it from: it runs this itself, before `dev` and before `deploy`. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../command.ts'
import { bundle } from './bundle.ts'

const FOLDER = 'dist'

await command(async function buildWorker() {
  const pieces = await bundle('src/index.ts')
  await mkdir(FOLDER, { recursive: true })
  for (const { name, text } of pieces) await put(join(FOLDER, name), text)
  const built = new Set(pieces.map(({ name }) => name))
  const old = (await readdir(FOLDER)).filter((name) => name.endsWith('.js') && !built.has(name))
  await Promise.all(old.map((name) => rm(join(FOLDER, name), { force: true })))
})

/** Several servers may start at once: a file is there whole or not at all, and the same one is not written again. */
async function put(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text)
  await rename(draft, file)
}
