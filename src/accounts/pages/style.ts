/**
 * Looks like the dashboard and repeats its design tokens (dashboard/src/styles.css), because these pages load no files. Each
 * pair of text and background has a contrast of at least 4.5 (WCAG 2.2, 1.4.3), in light and dark mode.
 */
const LIGHT = {
  canvas: '#ffffff',
  raised: '#ffffff',
  edge: '#868e9c',
  ink: '#14181f',
  muted: '#57606f',
  accent: '#3552c8',
  'accent-ink': '#ffffff',
  good: '#0a6f45',
  'good-soft': '#e6f4ed',
  bad: '#b5251b',
  'bad-soft': '#fcebe9',
}
const DARK: typeof LIGHT = {
  canvas: '#0f1217',
  raised: '#1a1f28',
  edge: '#6b7484',
  ink: '#e7eaf0',
  muted: '#a2abba',
  accent: '#93a9ff',
  'accent-ink': '#0f1217',
  good: '#62d1a1',
  'good-soft': '#12291f',
  bad: '#ff938a',
  'bad-soft': '#351c1a',
}

export const TOKENS = { light: LIGHT, dark: DARK }

const declare = (tokens: typeof LIGHT) =>
  Object.entries(tokens)
    .map(([name, value]) => `--${name}: ${value}`)
    .join('; ')

export const STYLE = `
:root { ${declare(LIGHT)} }
@media (prefers-color-scheme: dark) {
  :root { ${declare(DARK)} }
}
*, ::before, ::after { box-sizing: border-box }
[hidden] { display: none !important }
html { color-scheme: light dark; text-size-adjust: 100% }
body { margin: 0; background: var(--canvas); color: var(--ink); font: .875rem/1.25rem system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif }
main { display: flex; flex-direction: column; gap: 1.5rem; max-width: 24rem; margin: 0 auto; padding: 12vh 1rem }
header { display: flex; align-items: center; gap: .5rem; font-weight: 550 }
header svg { width: 1.25rem; height: 1.25rem }
h1 { font-size: 1.375rem; line-height: 1.75rem; font-weight: 550; margin: 0; text-wrap: balance }
form { display: flex; flex-direction: column; gap: 1rem }
form > div { display: flex; flex-direction: column; gap: .375rem }
p { margin: 0 }
label { font-weight: 550 }
input, button { font: inherit; width: 100%; height: 2rem; border-radius: 6px }
input { padding: 0 .625rem; color: inherit; background: var(--raised); border: 1px solid var(--edge) }
button { border: 0; background: var(--accent); color: var(--accent-ink); font-weight: 550; cursor: pointer }
button:disabled { opacity: .5; cursor: progress }
a { color: var(--accent); text-underline-offset: 2px }
a:hover { text-decoration: none }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
small { font-size: .8125rem; color: var(--muted) }
[role]:empty { display: none }
[role] { border-radius: 6px; padding: .5rem .75rem }
[role=status] { background: var(--good-soft) } [role=alert] { background: var(--bad-soft) }
`
