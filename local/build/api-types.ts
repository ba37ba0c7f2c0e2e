/**
 * Writes the types of the API for programs that call it: the shapes of its OpenAPI document, and the input and output of
 * each operation.
 *
 * The libraries that generate types from OpenAPI need the compiler API of TypeScript 5, which TypeScript 7 does not have.
 */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'
import { renderClientFiles } from './client-files.ts'

const HELP = `Usage: npm run build:api-types

Writes the types of every operation, for the dashboard, packages/tollgate and clients/python, the methods of these two
and the page that lists them, and the names of audit actions, webhook events and scopes for the dashboard.`

await command(async function buildApiTypes() {
  if (readArguments({}).values.help) return console.log(HELP)
  const files = await renderClientFiles()
  const root = fileURLToPath(new URL('../../', import.meta.url))
  for (const [file, text] of files) await writeFile(`${root}${file}`, text)
  const formatted = [...files.keys()].filter((file) => file.endsWith('.ts'))
  spawnSync('npx', ['biome', 'format', '--write', ...formatted], { stdio: 'inherit', cwd: root })
})
