import { describe, test } from 'vitest'
import { useBrowser } from './support/browser.ts'
import { judge, judgeScreen, pageOf } from './support/judge.ts'
import { listScreens, OPEN_PAGES } from './support/routes.ts'

useBrowser()

describe('every screen is accessible, keeps its place and fits, wide and narrow, in both themes', () => {
  test.each(OPEN_PAGES)('%s', async (path) => judge(await pageOf('nobody'), path))

  test.each(listScreens().filter((path) => !path.startsWith('/operator')))('%s', judgeScreen)
})
