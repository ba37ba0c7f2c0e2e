import { describe, expect, test } from 'vitest'
import { contrast, toAccent } from '../../../dashboard/src/lib/brand-color.ts'

const COLORS = ['#1a6cff', '#16f', '#ffe600', '#fff', '#000000', '#7f7f7f', '#ff0000', '#00ff00', '#0000ff', '#ffc0cb']
/** Where the page puts text in the accent color; see dashboard/src/styles.css. */
const GROUNDS = {
  light: ['#ffffff', '#f6f7f9', '#eef0f4'],
  dark: ['#0f1217', '#14181f', '#1a1f28', '#20262f'],
} as const

test('contrast is computed as in WCAG', () => {
  expect(contrast('#000', '#fff')).toBeCloseTo(21)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
  expect(contrast('#fff', '#777777')).toBeCloseTo(4.48, 2)
})

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(COLORS)('%s gives text that is readable on every background, and on itself', (color) => {
    const { accent, ink, soft } = toAccent(color, theme)
    for (const ground of [...GROUNDS[theme], soft, ink]) expect(contrast(accent, ground)).toBeGreaterThanOrEqual(4.5)
  })
})

test('a color that is already readable stays unchanged', () => {
  expect(toAccent('#1144aa', 'light').accent).toBe('#1144aa')
  expect(toAccent('#ffe600', 'dark').accent).toBe('#ffe600')
})
