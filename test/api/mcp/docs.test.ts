import { exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import guide from '../../../docs/guides/mcp.md?raw'
import { openApiDocument } from '../../../src/api/openapi.ts'
import { management } from '../../../src/management.ts'
import { allTools } from '../../../src/mcp/tools.ts'
import { directly } from '../../support/direct.ts'
import { newKeyHolder } from '../../support/http.ts'
import { newAgent } from '../../support/mcp.ts'

/** The first block of a kind. */
const block = (kind: string) => new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\``, 'm').exec(guide)?.[1]?.trim() ?? ''

test('the table of tools lists each one, who may call it, and its purpose', () => {
  const rows = allTools(openApiDocument(management, directly().config)).map(({ name, operation, isWrite }) => {
    const customers = operation.allow === 'administrator' ? '–' : `\`${operation.allow}\``
    const service = operation.service === undefined ? '–' : `\`${operation.service}\``
    return `| \`${name}\`${isWrite ? ' (changes)' : ''} | ${operation.summary} | ${customers} | ${service} |`
  })
  const table = ['| tool | what for | permission | scope of service keys |', '|---|---|---|---|', ...rows].join('\n')
  const [, inPage] = /<!-- tools -->\n([\s\S]*?)<!-- \/tools -->/.exec(guide) ?? []
  expect(inPage).toBe(`${table}\n`)
})

test('the documented settings connect a client', async () => {
  const { key } = await newKeyHolder()
  const { url, headers } = JSON.parse(block('json').replace('$KEY', key)).mcpServers.tollgate
  expect(new URL(url).pathname).toBe('/mcp')
  const agent = await newAgent(headers.Authorization.replace('Bearer ', ''))
  expect(await agent.tools()).toContain('list_quotas')
})

test('the documented command calls a tool', async () => {
  const { key } = await newKeyHolder()
  const command = block('sh').replace('$KEY', key)
  const headers = [...command.matchAll(/-H ["']([^:]+): ([^"']+)["']/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  const [, body] = /-d '(.*)'$/.exec(command) ?? []
  const answer = await exports.default.fetch('https://tollgate.test/mcp', {
    method: 'POST',
    headers: headers as [string, string][],
    body: body ?? null,
  })
  const { result } = (await answer.json()) as { result: { content: [{ text: string }]; isError?: boolean } }
  expect(result.isError).toBeUndefined()
  expect(JSON.parse(result.content[0].text)).toHaveProperty('period')
})
