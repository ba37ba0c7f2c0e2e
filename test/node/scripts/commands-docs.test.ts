import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isPlatformScope } from '../../../src/auth/service-scopes.ts'
import { splitWords } from '../../support/curl.ts'
import { ROOT } from './support.ts'

const files = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')
const pages = files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')] as const)

test('a variable name in single quotes stays as it is, as in a shell', () => {
  expect(splitWords(`-d '{"a":"$A"}' "$A" '{"a":"'$A'"}' x/$A`, { A: '1' })).toEqual([
    '-d',
    '{"a":"$A"}',
    '1',
    '{"a":"1"}',
    'x/1',
  ])
  expect(() => splitWords('echo $B', {})).toThrow('$B')
})

test('no command of a page has a variable in single quotes, where a shell would not expand it', () => {
  const commands = pages.flatMap(([file, text]) =>
    [...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```/gm)]
      .flatMap(([, block = '']) => block.replaceAll('\\\n', '').split('\n'))
      .filter((line) => line.startsWith('curl '))
      .map((line) => ({ file, line })),
  )
  expect(commands.length).toBeGreaterThan(50)
  const anything = new Proxy<Record<string, string>>({}, { get: () => 'value' })
  expect(commands.filter(({ line }) => /\$\w/.test(splitWords(line, anything).join(' ')))).toEqual([])
})

test('every service key scope that a page names exists, or is a wildcard for some', () => {
  const named = pages.flatMap(([file, text]) =>
    [...text.matchAll(/(?<![\w:])platform:[a-z]+(?::[a-z]+)*(?::\*)?|(?<![\w:])platform:\*/g)].map(([scope]) => ({
      file,
      scope,
    })),
  )
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter(({ scope }) => !isPlatformScope(scope))).toEqual([])
})

test('no page installs a client by its name alone, since none is published', () => {
  const lines = pages.flatMap(([file, text]) => text.split('\n').map((line) => ({ file, line })))
  const byName = /\b(?:npm (?:i|install)|pnpm add|yarn add|pip install)(?: -\S+| [\w-]+)* tollgate(?![\w./-])/
  expect(lines.filter(({ line }) => byName.test(line))).toEqual([])
})
