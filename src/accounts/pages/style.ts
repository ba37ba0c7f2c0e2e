/** Each pair of text and background has a contrast of at least 4.5 (WCAG 2.2, 1.4.3), in light and dark mode. */
export const STYLE = `
:root { --ground: #ffffff; --raised: #f5f6f9; --line: #7d869a; --text: #1a2030; --action: #3346c7; --on: #ffffff; --good: #0b6b45; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f131c; --raised: #171d29; --line: #7d89a1; --text: #e3e7f0; --action: #a3b3ff; --on: #0f131c; --good: #6fd6a4; --bad: #ff9a92 }
}
*, ::before, ::after { box-sizing: border-box }
[hidden] { display: none !important }
html { color-scheme: light dark; text-size-adjust: 100% }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 26rem; margin: 12vh auto 2rem; padding: 0 1.25rem }
h1 { font-size: 1.6rem; line-height: 1.25; letter-spacing: -.015em; margin: 0 0 .75rem; text-wrap: balance }
p { margin: .6rem 0 1.2rem }
label { display: block; font-weight: 600; margin: 1rem 0 .3rem }
input, button { font: inherit; width: 100%; min-height: 2.9rem; border-radius: 8px }
input { padding: 0 .8rem; color: inherit; background: var(--raised); border: 1px solid var(--line) }
button { margin-top: 1.4rem; border: 0; background: var(--action); color: var(--on); font-weight: 600; cursor: pointer }
button:disabled { opacity: .6; cursor: progress }
:focus-visible { outline: 3px solid var(--action); outline-offset: 2px }
small { display: block; font-size: .875rem; margin-top: .3rem }
[role]:not(:empty) { border-left: 4px solid; padding: .5rem .9rem; background: var(--raised); border-radius: 0 8px 8px 0 }
[role=status]:not(:empty) { border-color: var(--good) } [role=alert]:not(:empty) { border-color: var(--bad) }
`
