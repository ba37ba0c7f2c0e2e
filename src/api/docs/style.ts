/**
 * The style of the documentation page. Colors are variables, so dark mode only changes their values. Each pair of text
 * and background has a contrast of at least 4.5 (WCAG 2.2, 1.4.3).
 */
export const STYLE = `
:root {
  --ground: #ffffff; --raised: #f5f6f9; --line: #dfe2e9; --text: #1a2030; --muted: #5a6478; --link: #3346c7;
  --inline: #eef0f5; --mark: #fff3c4; --get: #0b6b45; --post: #2747c9; --put: #8a4b00; --patch: #7a2fa0; --delete: #b3261e;
  --code: #151b2b; --code-line: #2b344b; --code-text: #dde3f0; --code-muted: #9aa7c2; --code-key: #9cc4ff; --code-var: #ffd479;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "Roboto Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f131c; --raised: #171d29; --line: #2a3242; --text: #e3e7f0; --muted: #9ca7bb; --link: #a3b3ff;
    --inline: #1f2635; --mark: #4a3c0c; --get: #6fd6a4; --post: #93a9ff; --put: #f0b35e; --patch: #d6a3f2; --delete: #ff9a92;
    --code: #171d29; --code-line: #2a3242;
  }
}

*, ::before, ::after { box-sizing: border-box }
html { color-scheme: light dark; scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.6 var(--sans); overflow-wrap: anywhere }
a { color: var(--link); text-underline-offset: .2em; text-decoration-thickness: 1px }
a:hover { text-decoration-thickness: 2px }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px }
p { margin: .6rem 0; max-width: 42rem }
h1, h2, h3, h4 { line-height: 1.25; text-wrap: balance; margin: 0 }
h1 { font-size: 2.25rem; letter-spacing: -.02em }
h1 small { font: 500 .9rem var(--mono); color: var(--muted); letter-spacing: 0; vertical-align: middle }
h2 { font-size: 1.6rem; letter-spacing: -.015em; margin-bottom: .75rem }
h3 { font-size: 1.2rem }
h4 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; margin: 1.75rem 0 .4rem }
h4 small { font-size: .8rem; font-weight: 400; text-transform: none; letter-spacing: 0; color: var(--muted); margin-left: .4rem }
code, pre, .method, .status { font-family: var(--mono) }
code { font-size: .875em; background: var(--inline); border-radius: 4px; padding: .1em .3em }
a code, th code, pre code { background: none; padding: 0 }
var { font-style: normal; font-family: var(--mono); font-size: .875em }
p var { background: var(--mark); border-radius: 4px; padding: .1em .3em }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .55rem 0; border-top: 1px solid var(--line) }
th { font-weight: 500 }
ul { list-style: none; margin: 0; padding: 0 }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 2; background: var(--ground); padding: .5rem 1rem; border-radius: 6px }
.skip:focus { top: 1rem }

main { padding: 1.5rem 1.25rem 6rem; min-width: 0 }
section { margin-top: 4rem }
[hidden] { display: none !important }
.operation { border-top: 1px solid var(--line) }
.operation:last-of-type { border-bottom: 1px solid var(--line) }
.operation > summary { display: grid; gap: .1rem 1.5rem; padding: .8rem .5rem .8rem 1.6rem; width: auto; color: inherit; list-style: none; position: relative; scroll-margin-top: 5rem }
.operation > summary::-webkit-details-marker { display: none }
.operation > summary::before { content: ""; position: absolute; left: .35rem; top: 1.35rem; width: .45rem; height: .45rem; border: solid var(--muted); border-width: 0 2px 2px 0; rotate: -45deg; translate: 0 -25% }
.operation[open] > summary::before { rotate: 45deg }
.operation > summary:hover { background: var(--raised) }
.operation > summary h3 { font-size: 1.05rem; font-weight: 600 }
.operation[open] > summary { margin-bottom: 0 }
article { padding: 0 0 2.25rem 1.6rem; scroll-margin-top: 9rem }
#problems article { padding: .5rem 0 2.25rem }
.prose { min-width: 0 }
.facts { color: var(--muted); font-size: .925rem }
.endpoint code { font-size: .925rem }
.allowed { font-size: .925rem; color: var(--muted) }
.allowed strong { color: var(--text); font-weight: 600; margin-right: .3rem }
.allowed code { color: var(--text) }
.schemes dt { margin-top: .6rem } .schemes dd { margin: .1rem 0 0 }

.method { font-size: .72rem; font-weight: 700; letter-spacing: .02em; color: var(--post) }
.endpoint .method { border: 1px solid currentColor; border-radius: 5px; padding: .18rem .4rem; margin-right: .35rem }
.method.get { color: var(--get) } .method.put { color: var(--put) }
.method.patch { color: var(--patch) } .method.delete { color: var(--delete) }
.status { font-size: .85rem; font-weight: 600; color: var(--put) }
.status.s2, .status.s3 { color: var(--get) } .status.s5 { color: var(--delete) }

.fields th { width: 40%; padding-right: 1rem; overflow-wrap: anywhere }
.fields th code { font-weight: 600 }
.within { color: var(--muted); font-weight: 400 }
.type, .limits { display: block; font-size: .85rem; color: var(--muted); font-weight: 400 }
.fields td { font-size: .925rem; line-height: 1.5 }
.note { font-size: .75rem; font-weight: 600; color: var(--muted); margin-right: .3rem }
.note.must { color: var(--put) }
.limits { margin-top: .1rem }
.failures, .failures li { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .6rem }
.failures { gap: .35rem 1.5rem }
.failures code { font-size: .8rem }
details > summary { cursor: pointer; font-size: .925rem; color: var(--link); width: fit-content }
details[open] > summary { margin-bottom: .4rem }

.wide { overflow-x: auto }
.grid th, .grid td { padding-right: 1.25rem }
.grid thead th { font-size: .8rem; color: var(--muted); border-top: 0; white-space: nowrap }
.wide td, .wide th { white-space: nowrap }
.yes { color: var(--get); font-weight: 600 } .no { color: var(--muted) }
.problems th:first-child { width: 40% } .problems .status { display: block }
.problems tr:target { background: var(--mark); box-shadow: -.6rem 0 var(--mark), .6rem 0 var(--mark) }
#problems h3 { margin-bottom: .5rem }

.code { margin: 1.25rem 0 0; background: var(--code); color: var(--code-text); border: 1px solid var(--code-line); border-radius: 10px; min-width: 0 }
.code figcaption { padding: .5rem 1rem; font-size: .78rem; color: var(--code-muted); border-bottom: 1px solid var(--code-line) }
.code pre { color-scheme: dark; margin: 0; padding: .9rem 1rem; overflow: auto; max-height: 30rem; font-size: .8rem; line-height: 1.6; tab-size: 2; overflow-wrap: normal; border-radius: 0 0 10px 10px }
.code pre code { font-size: inherit }
.code :focus-visible { outline-color: var(--code-var); outline-offset: -3px }
.code var { color: var(--code-var); font-size: inherit } .code .key { color: var(--code-key) }

nav { background: var(--raised); border-bottom: 1px solid var(--line); padding: .75rem 1.25rem; font-size: .9rem }
.search { position: sticky; top: 0; z-index: 1; background: var(--raised); padding: .25rem 0 .6rem }
.search label { position: relative; display: block }
.search input { width: 100%; font: inherit; font-size: 1rem; color: var(--text); background: var(--ground); border: 1px solid var(--muted); border-radius: 8px; padding: .45rem 2.2rem .45rem .7rem }
.search input::placeholder { color: var(--muted); opacity: 1 }
.search kbd { position: absolute; right: .6rem; top: 50%; translate: 0 -50%; font: 600 .75rem var(--mono); color: var(--muted); border: 1px solid var(--line); border-radius: 4px; padding: 0 .4rem }
.search input:focus + kbd { display: none }
.search output { display: block; color: var(--muted); font-size: .8rem; margin-top: .3rem }
.search output:empty { display: none }
.searching section { margin-top: 2rem }
.searching #top, .searching #problems > article { display: none }
nav summary { font-weight: 600 }
nav p { margin: 1.1rem 0 .2rem; font-size: .75rem; font-weight: 600; text-transform: uppercase; letter-spacing: .06em; color: var(--muted) }
nav p a { color: inherit; text-decoration: none }
nav li a { display: flex; gap: .6rem; align-items: baseline; padding: .22rem 0; color: var(--text); text-decoration: none; line-height: 1.35 }
nav a:hover { text-decoration: underline }
nav .method { flex: 0 0 2.9rem; font-size: .65rem; white-space: nowrap }

@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 17rem minmax(0, 1fr) }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border: 0; border-right: 1px solid var(--line); padding: 0 1.25rem 1.75rem }
  nav > details { padding-top: .75rem }
  main { padding: 2.5rem 3rem 8rem; max-width: 80rem }
  .search { padding: 1.25rem 0 .6rem }
  .operation > summary { grid-template-columns: minmax(0, 1fr) minmax(0, 1.2fr); align-items: baseline }
  .operation > summary::before { top: 1.3rem }
  @supports selector(::details-content) {
    nav summary { display: none }
    nav details::details-content { content-visibility: visible; block-size: auto }
  }
}
@media (min-width: 75rem) {
  .operation > summary { grid-template-columns: minmax(0, 1fr) minmax(0, 27rem); column-gap: 2.5rem; padding-right: 0 }
  article { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 27rem); gap: 2.5rem }
  .examples { position: sticky; top: 1.5rem; align-self: start; padding-top: .25rem }
  .examples .code:first-child { margin-top: 0 }
  .examples pre { max-height: calc(50vh - 5rem); min-height: 4rem }
}
@media (max-width: 59.99rem) {
  html { scroll-padding-top: 5rem }
  nav { display: contents }
  .search kbd { display: none }
  nav > details, nav > .search { padding-left: 1.25rem; padding-right: 1.25rem; background: var(--raised) }
  nav > details { padding-bottom: .75rem; border-bottom: 1px solid var(--line) }
  nav > .search { padding-top: .6rem }
}
@media print { nav { display: none } .code pre { max-height: none } details::details-content { content-visibility: visible; block-size: auto } }
`
