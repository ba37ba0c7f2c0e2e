import { expect, test } from 'vitest'
import { bundle, type Piece } from '../../../local/build/bundle.ts'

/** Compiled names of statically imported chunks: `import … from "./name.js"`, `export … from` and `import "./name.js"`. */
const STATIC = /(?:from|import)"\.\/([^"]+)"/g

const pieces = await bundle('src/index.ts')
/** Names of the chunks that contain a text: whole chunks would fill screens when a test fails. */
const having = (text: string, some: readonly Piece[]) =>
  some.filter((one) => one.text.includes(text)).map(({ name }) => name)

/** The chunk and all that are evaluated with it. */
function withImports(name: string, found = new Set<Piece>()): Set<Piece> {
  const piece = pieces.find((one) => one.name === name)
  if (!piece) throw new Error(`${name} is imported and was not built.`)
  if (found.has(piece)) return found
  found.add(piece)
  for (const [, imported = ''] of piece.text.matchAll(STATIC)) withImports(imported, found)
  return found
}

const hot = [...withImports('index.js')]

test('the entry comes first, and includes what a verification needs', () => {
  expect(pieces[0]?.name).toBe('index.js')
  for (const needed of ['/api/v1/keys/verify', 'allow-key-locking']) expect(having(needed, hot), needed).not.toEqual([])
})

test('modules behind an import() are in chunks of their own', () => {
  const lazy = pieces.filter((piece) => !hot.includes(piece))
  for (const heavy of ['drizzle:entityKind', 'securitySchemes', 'argon2id', '/auth/register']) {
    expect(having(heavy, lazy), heavy).not.toEqual([])
    expect(having(heavy, hot), heavy).toEqual([])
  }
})

test('the messages of zod are in one language only', () => {
  expect(having('Invalid input', pieces)).not.toEqual([])
  for (const unused of ['Ungültige Eingabe', '无效输入']) expect(having(unused, pieces), unused).toEqual([])
})

test('the same sources produce the same files', async () => {
  const again = await bundle('src/index.ts')
  expect(again.map(({ name }) => name)).toEqual(pieces.map(({ name }) => name))
  expect(textOf(again) === textOf(pieces)).toBe(true)
})

const textOf = (some: readonly Piece[]) => some.map(({ text }) => text).join('\n')
