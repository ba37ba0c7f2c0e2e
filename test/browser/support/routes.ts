import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Pages that need no signed-in user. */
export const OPEN_PAGES = ['/sign-in', '/sign-up', '/forgot-password']

/**
 * Every path that the router knows, as the screens' tables name it: `/keys`, `/keys/$id`. Without the page of all
 * components, which shows skeletons for good.
 */
export function listScreens(): string[] {
  const tables = globSync('dashboard/src/screens/*/screens.ts', { cwd: ROOT })
  const texts = tables.map((table) => readFileSync(`${ROOT}${table}`, 'utf8'))
  const paths = Array.from(texts.join('\n').matchAll(/'(\/[^']*)': \[/g), ([, path = '']) => path)
  return paths.filter((path) => path !== '/_design').toSorted()
}
