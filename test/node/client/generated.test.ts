import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderClientFiles } from '../../../local/build/client-files.ts'
import { ROOT } from '../scripts/support.ts'

/** As `npm run build:api-types` leaves it. */
function format(file: string, text: string): string {
  if (!file.endsWith('.ts')) return text
  const biome = join(ROOT, 'node_modules/.bin/biome')
  const { stdout } = spawnSync(biome, ['format', `--stdin-file-path=${file}`], { cwd: ROOT, input: text })
  return stdout.toString()
}

test('the types of the clients match the API: run `npm run build:api-types` after a change of it', {
  timeout: 120_000,
}, async () => {
  const files = [...(await renderClientFiles())]
  expect(files.length).toBeGreaterThan(3)
  const kept = await Promise.all(files.map(([file]) => readFile(join(ROOT, file), 'utf8')))
  const stale = files.filter(([file, text], at) => format(file, text) !== kept[at])
  expect(stale.map(([file]) => file)).toEqual([])
})
