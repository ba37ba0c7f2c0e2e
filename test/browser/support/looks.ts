import type { Page } from 'playwright-core'
import { expect, inject } from 'vitest'
import { callApi } from './api.ts'
import { accessibilityFlaws, isTooWide, untilStill, WIDTHS } from './browser.ts'

/** How a journey runs: at both widths, in both themes. For `test.each`: its name, and the options of a page. */
export const LOOKS = Object.entries(WIDTHS).flatMap(([width, viewport]) =>
  (['light', 'dark'] as const).map((colorScheme) => [`${width}, ${colorScheme}`, { viewport, colorScheme }] as const),
)

/** The open dialog. A toast has the same role, and stays while the pointer rests on it. */
export const dialog = (page: Page) =>
  page.locator('[role=dialog]:not([aria-modal=false]), [role=alertdialog]').filter({ visible: true })
export const inDialog = (page: Page, name: string) => dialog(page).getByRole('button', { name, exact: true })

/** What a screen shows only during a journey, such as a dialog, is accessible and fits. */
export async function expectFit(page: Page): Promise<void> {
  await untilStill(page)
  expect(await accessibilityFlaws(page)).toEqual([])
  expect(await isTooWide(page)).toBe(false)
}

/** Verifies a key, as the operator's API does for each of its requests. */
export const verify = (key: string, more: object = {}) =>
  callApi<{ valid: boolean; code: string; organization_id: string | null; refused_by: string | null }>(
    'POST',
    '/keys/verify',
    {
      token: inject('server').credentials.service_key,
      body: { key, ...more },
    },
  )
