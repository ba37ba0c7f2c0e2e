import { describe, test } from 'vitest'
import { useBrowser } from './support/browser.ts'
import { judgeScreen } from './support/judge.ts'
import { listScreens } from './support/routes.ts'

useBrowser()

/** Separate from the customer's half (screens.test.ts), since each takes a minute. */
describe('every screen of the operator is accessible, keeps its place and fits, wide and narrow, in both themes', () => {
  test.each(listScreens().filter((path) => path.startsWith('/operator')))('%s', judgeScreen)
})
