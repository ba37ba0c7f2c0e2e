import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './support.ts'

const LINK = /\]\((?!https?:|mailto:)([^)\s]*)\)/g
const PATH = /`((?:src|local|test|bench|migrations)\/[\w./-]+)`/g

/** As GitHub does: lowercase letters, dashes for spaces, no other characters. */
const toAnchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file && existsSync(join(ROOT, file)))

const headings = (file: string) => [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => toAnchor(text))

test.each(pages)('every link of %s leads somewhere, and every path in it exists', (page) => {
  const dead = [...read(page).matchAll(LINK)].flatMap(([, link = '']) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(ROOT, target))) return [link]
    return anchor === undefined || headings(target).includes(anchor) ? [] : [link]
  })
  const gone = [...read(page).matchAll(PATH)]
    .map(([, path = '']) => path)
    .filter((path) => !existsSync(join(ROOT, path)))
  expect({ dead, gone }).toEqual({ dead: [], gone: [] })
})
