/** Replaces wrangler in a rehearsal: passes its call to the deployment of `deployment.ts`, and prints the answer. */
import { appendFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Called, Said } from './deployment.ts'

const { REHEARSED_WRANGLER = '', WRANGLER_OUTPUT_FILE_PATH } = process.env

const called: Called = {
  args: process.argv.slice(2),
  input: process.argv[2] === 'secret' ? await text(process.stdin) : '',
  folder: process.cwd(),
}
const answer = await fetch(REHEARSED_WRANGLER, { method: 'POST', body: JSON.stringify(called) })
const { code, output, uploaded } = (await answer.json()) as Said
if (uploaded && WRANGLER_OUTPUT_FILE_PATH) {
  const entry = { type: 'version-upload', version: 1, version_id: uploaded }
  await appendFile(WRANGLER_OUTPUT_FILE_PATH, `${JSON.stringify(entry)}\n`)
}
console.log(output)
process.exitCode = code
