import type { MenuItem } from '../ui/menu.tsx'
import { setTheme, type Theme } from './theme.ts'

const THEMES: readonly (readonly [theme: Theme, name: string])[] = [
  ['system', 'System theme'],
  ['light', 'Light theme'],
  ['dark', 'Dark theme'],
]

/** Menu items that change to another theme. */
export const otherThemes = (present: Theme): MenuItem[] =>
  THEMES.filter(([one]) => one !== present).map(([one, label]) => ({ label, onSelect: () => setTheme(one) }))
