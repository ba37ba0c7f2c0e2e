import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './support.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

test('every test that docs/operate/outages.md names for a bound exists under that title', () => {
  const named = [...read('docs/operate/outages.md').matchAll(/^\| [^|]+ \| `(test\/[\w./-]+\.test\.ts)`: (.+) \|$/gm)]
  expect(named.length).toBeGreaterThan(10)
  const missing = named.filter(([, file = '', title = '']) => !read(file).includes(`'${title}'`))
  expect(missing.map(([line]) => line)).toEqual([])
})
