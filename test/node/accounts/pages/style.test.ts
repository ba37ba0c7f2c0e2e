import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TOKENS } from '../../../../src/accounts/pages/style.ts'

const css = readFileSync(new URL('../../../../dashboard/src/styles.css', import.meta.url), 'utf8')
const inDashboard = Object.fromEntries(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w+), (#\w+)\)/g)].map(([, name, light, dark]) => [
    name,
    { light, dark },
  ]),
)

test.each(Object.keys(TOKENS.light) as (keyof typeof TOKENS.light)[])('%s is the color of the dashboard', (name) => {
  expect({ light: TOKENS.light[name], dark: TOKENS.dark[name] }).toEqual(inDashboard[name])
})
