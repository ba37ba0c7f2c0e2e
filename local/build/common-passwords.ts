/**
 * Writes src/accounts/passwords/common-words.ts from a list of passwords in order of frequency, as JSON. No build runs it:
 * the file it writes is committed. To repeat it:
 *
 *   npm pack @zxcvbn-ts/language-common@4.1.3    # MIT; the list it has is src/passwords.json
 *   tar -xzf zxcvbn-ts-language-common-4.1.3.tgz
 *   node local/build/common-passwords.ts package/src/passwords.json
 *   npm run format
 */
import { readFile, writeFile } from 'node:fs/promises'
import * as z from 'zod'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'
import { MIT_LICENSE } from './mit-license.ts'

const TARGET = 'src/accounts/passwords/common-words.ts'
/** The shortest accepted password (src/accounts/passwords/rules.ts); shorter ones matter only as parts. */
const SHORTEST_PASSWORD = 10
/** With six added characters, the most that are looked through, this is the shortest word that becomes long enough. */
const SHORTEST_WORD = 4
const MAX_ENTRIES = 4_000
const MAX_BYTES = 40_000
const LINE_CHARACTERS = 480

await command(async function commonPasswords() {
  const { values, positionals } = readArguments({}, 1)
  const [file] = positionals
  if (values.help || !file) return console.log('Usage: node local/build/common-passwords.ts passwords.json')
  const passwords = z.array(z.string()).parse(JSON.parse(await readFile(file, 'utf8')))
  const usable = [...new Set(passwords.map((password) => password.toLowerCase()))].filter(isPlain)
  const common = usable.filter((password) => password.length >= SHORTEST_PASSWORD)
  const words = usable
    .filter((password) => password.length >= SHORTEST_WORD && password.length < SHORTEST_PASSWORD)
    .slice(0, MAX_ENTRIES - common.length)
  const source = renderSource(common, words)
  if (source.length > MAX_BYTES) throw new Error(`${source.length} bytes are more than ${MAX_BYTES}.`)
  await writeFile(TARGET, source)
  console.log(`${TARGET}: ${common.length} passwords, ${words.length} words, ${source.length} bytes.`)
})

/** Printable ASCII without the characters that a template literal interprets. */
function isPlain(password: string): boolean {
  return /^[\x21-\x7e]+$/.test(password) && !/[\\`$]/.test(password)
}

function renderSource(common: string[], words: string[]): string {
  return `/**
 * Written by local/build/common-passwords.ts from the list of @zxcvbn-ts/language-common: passwords as they were found in
 * breaches, in order of frequency. Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.; (c) 2021 @zxcvbn-ts.
 *
${MIT_LICENSE}
 */

/** Passwords that are long enough. */
export const COMMON = \`${wrapLines(common)}\`

/** Shorter ones, common as the beginning of a longer one. */
export const WORDS = \`${wrapLines(words)}\`
`
}

function wrapLines(list: string[]): string {
  const lines = ['']
  for (const item of list) {
    const line = lines.at(-1) ?? ''
    if (line.length + item.length >= LINE_CHARACTERS) lines.push(item)
    else lines[lines.length - 1] = line ? `${line} ${item}` : item
  }
  return lines.join('\n')
}
