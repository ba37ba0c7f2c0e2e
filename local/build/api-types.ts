/**
 * Writes the types of the API for programs that call it: the shapes of its OpenAPI document, and what each operation
 * takes and gives.
 *
 * The libraries that generate types from OpenAPI need the compiler API of TypeScript 5, which TypeScript 7 does not have.
 */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'
import { readOpenApi } from './openapi-document.ts'
import { renderApiTypes } from './render-api-types.ts'
import { renderWords } from './render-words.ts'

const HELP = `Usage: npm run build:api-types

Writes the types of every operation into dashboard/src/api/types.ts, and the names of audit actions, webhook events and
scopes with their meaning into dashboard/src/api/words.ts.`

const FOLDER = new URL('../../dashboard/src/api/', import.meta.url)

await command(async function buildApiTypes() {
  if (readArguments({}).values.help) return console.log(HELP)
  const types = fileURLToPath(new URL('types.ts', FOLDER))
  const words = fileURLToPath(new URL('words.ts', FOLDER))
  await writeFile(types, renderApiTypes(await readOpenApi()))
  await writeFile(words, renderWords())
  spawnSync('npx', ['biome', 'format', '--write', types, words], { stdio: 'inherit' })
})
