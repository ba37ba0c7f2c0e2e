import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDocs } from '../../../local/build/docs.ts'

let folder: string
const read = (path: string) => readFile(join(folder, path), 'utf8')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-docs-'))
  await buildDocs(folder)
})

afterAll(() => rm(folder, { recursive: true }))

const linksOf = (text: string) => [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)

async function listPages(): Promise<string[]> {
  const paths = await readdir(join(folder, 'docs'), { recursive: true })
  return paths.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`)
}

test('the index links to every page of guides and operation, each with its title and topic', async () => {
  const index = await read('llms.txt')
  const listed = linksOf(index).filter((target) => target.startsWith('/docs/'))

  expect(listed.map((target) => target.slice(1)).toSorted()).toEqual((await listPages()).toSorted())
  for (const line of index.split('\n').filter((one) => one.startsWith('- [')))
    expect(line).toMatch(/^- \[[^\]]+\]\(\/[\w./-]+\)(: [^|]+)?$/)
})

test('no link of a page leads to a file that is not served', async () => {
  const pages = await listPages()
  for (const page of pages) {
    const files = linksOf(await read(page)).filter((target) => !/^([a-z]+:|#|\/)/.test(target))
    const targets = files.map((target) => posix.join(posix.dirname(page), target.replace(/#.*/, '')))
    expect(targets.filter((target) => !pages.includes(target))).toEqual([])
  }
})
