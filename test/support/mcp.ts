import { exports } from 'cloudflare:workers'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { onTestFinished } from 'vitest'

/** The Worker under test in the place of the network. */
export const fetchIt = (url: string | URL | Request, options?: RequestInit) =>
  exports.default.fetch(url, { ...options, redirect: 'manual' })

export const MCP_SERVER = 'https://tollgate.test/mcp'

/** An agent: the official client, with a credential. It is closed when the test is over. */
export async function newAgent(credential: string, { query = '', headers = {} } = {}) {
  const client = new Client({ name: 'agent', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(MCP_SERVER + query), {
    fetch: fetchIt,
    requestInit: { headers: { Authorization: `Bearer ${credential}`, ...headers } },
  })
  await client.connect(transport)
  onTestFinished(() => client.close())
  return {
    client,
    /** The names of its tools. */
    async tools() {
      const { tools } = await client.listTools()
      return tools.map(({ name }) => name)
    },
    /** Calls a tool. @returns what it answers, parsed where it is JSON */
    async call(name: string, args: Record<string, unknown> = {}) {
      const { content, isError = false } = await client.callTool({ name, arguments: args })
      const [{ text }] = content as [{ text: string }]
      return { isError, text, body: parsed(text) }
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of a body by looking at it
function parsed(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
