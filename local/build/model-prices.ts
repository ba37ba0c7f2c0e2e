/**
 * Writes src/usage/pricing/prices.ts from the installed @pydantic/genai-prices. No build runs it: the file is committed, and
 * a test compares it with what this would write. To update the prices:
 *
 *   npm install --save-dev --save-exact @pydantic/genai-prices@latest
 *   npm view @pydantic/genai-prices time.modified       # the day of the release
 *   npm run build:prices -- 2026-09-23
 *   git diff src/usage/pricing/prices.ts
 */
import { readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'
import { MIT_LICENSE } from './mit-license.ts'
import { priceTable } from './price-table.ts'

const TARGET = 'src/usage/pricing/prices.ts'
const PACKAGE = '@pydantic/genai-prices'
const MAX_BYTES = 60_000

const HELP = `Usage: npm run build:prices -- DAY

Writes ${TARGET} from the installed ${PACKAGE}, which was released on DAY, such as 2026-09-23.`

await command(async function modelPrices() {
  const { values, positionals } = readArguments({}, 1)
  if (values.help) return console.log(HELP)
  const { version } = JSON.parse(await readFile(`node_modules/${PACKAGE}/package.json`, 'utf8')) as { version: string }
  const source = `${PACKAGE} ${version}`
  const table = priceTable()
  const known = await readFile(TARGET, 'utf8').catch(() => '')
  const checkedAt =
    positionals[0] ?? (known.includes(`'${source}'`) ? /CHECKED_AT = '(.*)'/.exec(known)?.[1] : undefined)
  if (!checkedAt || !/^\d{4}-\d{2}-\d{2}$/.test(checkedAt))
    throw new Error('Say on which day the package was released.')
  const text = renderSource({ source, checkedAt, table })
  if (text.length > MAX_BYTES) throw new Error(`${text.length} bytes are more than ${MAX_BYTES}.`)
  await writeFile(TARGET, text)
  console.log(`${TARGET}: ${table.split('\n').length} lines, ${text.length} bytes.`)
})

function renderSource({ source, checkedAt, table }: Record<'source' | 'checkedAt' | 'table', string>): string {
  return `/**
 * Prices of language models, written by local/build/model-prices.ts from @pydantic/genai-prices; not edited by hand.
 *
 * \`# provider as NAMES by MODELS also PROVIDERS\` opens a provider: what else it is called, the models that mean it when no
 * provider is given, and where else its models are looked up. Then one line for each model: its id, the names it goes by
 * (any of them; \`=\` is the id), and its prices. A name is a literal, \`begins*\`, \`*ends\`, \`*contains*\` or \`/a regular
 * expression/\`; \`a&b\` must both fit.
 *
 * A price is \`input/output/cached input/written to a cache/audio input/audio output\` in US dollars per million tokens; what
 * is empty or absent of cached input and of what is written costs as much as other input, and audio has no price. \`>272000:…\` is the price of everything in a request with more input tokens than that. \`2026-08-21=…\`
 * holds from that day (UTC) and \`01:00-04:00=…\` daily between those times; the last that applies decides, the first if
 * none does. \`-\` is a model whose tokens have no price of their own.
 *
 * The data is Copyright (c) Pydantic Services Inc. 2025 to present, under the MIT License.
 *
${MIT_LICENSE}
 */
/* oxlint-disable max-lines -- it is data: a line for each model */

/** What the prices were taken from. */
export const SOURCE = '${source}'

/** The day on which that was released: prices that changed later are not in it. */
export const CHECKED_AT = '${checkedAt}'

export const TABLE = String.raw\`
${table}\`
`
}
