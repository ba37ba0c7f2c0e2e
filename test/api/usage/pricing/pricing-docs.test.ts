import { afterAll, expect, test } from 'vitest'
import page from '../../../../docs/guides/pricing.md?raw'
import { forgetPrices } from '../../../../src/usage/pricing/own-prices.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'

/** Commands of the page and the answers below them. Prices of an invented provider disturb no other test. */
const examples = [...page.matchAll(/^```\n(curl [\s\S]*?)^```\n```json\n([\s\S]*?)^```/gm)].map(
  ([, command = '', shown = '']) => {
    const line = command.replaceAll(/\\\n */g, '').replaceAll('"openai"', '"documented"')
    const [, method = '', path = ''] = /^curl -X (\w+) http:\/\/localhost:8000(\S+)/.exec(line) ?? []
    return {
      line: `${method} ${path}`,
      body: / -d '(.*)'$/m.exec(line)?.[1] ?? '',
      shown: shown.replaceAll('"openai"', '"documented"'),
    }
  },
)

afterAll(async () => {
  await directly().sql.query(`delete from model_prices where provider = 'documented'`)
  forgetPrices()
})

test.each(examples)('$line responds as the page shows', async ({ line, body, shown }) => {
  const answer = await call(line, { token: await administrator(), body: JSON.parse(body) })
  const told = JSON.parse(shown.replaceAll('…', '')) as Record<string, unknown>
  expect(answer.status).toBe(201)
  expect(Object.keys(answer.body)).toEqual(Object.keys(told))
  const { id: _id, valid_from: _from, created_at: _created, ...rest } = told
  expect(answer.body).toMatchObject(rest)
})

test('the page has an example', () => {
  expect(examples).toHaveLength(1)
})
