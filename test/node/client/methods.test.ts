/** Every operation that a key may call is a method of the clients, and each method sends its own operation. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import {
  BY_HAND,
  EXPORTS,
  isForKeys,
  listMethods,
  listOperations,
  WITHOUT_METHOD,
} from '../../../local/build/client-methods/list.ts'
import { nameId } from '../../../local/build/client-methods/place.ts'
import { type OpenApi, readOpenApi } from '../../../local/build/openapi-document.ts'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { operate } from '../../../packages/tollgate/src/operator.ts'
import { ROOT } from '../scripts/support.ts'

let document: OpenApi

beforeAll(async () => {
  document = await readOpenApi()
})

const listWritten = () => EXPORTS.flatMap((of) => listMethods(document, of))

test('every operation that a key may call has a method, or is on the list of those without one and why', () => {
  const forKeys = [...listOperations(document)].filter(([, operation]) => isForKeys(operation)).map(([name]) => name)
  const known = [...listWritten().map(({ name }) => name), ...Object.keys(BY_HAND), ...Object.keys(WITHOUT_METHOD)]
  expect(forKeys.length).toBeGreaterThan(130)
  expect(forKeys.filter((name) => !known.includes(name))).toEqual([])
  expect(known.filter((name) => !forKeys.includes(name))).toEqual(['GET /billing/plans']) // which anybody may call
  expect(new Set(known).size).toBe(known.length)
  for (const why of Object.values(WITHOUT_METHOD)) expect(why.length).toBeGreaterThan(20)
})

/** A client that sends nothing, and what it would have sent. */
function listen() {
  const sent: Request[] = []
  const tollgate = new Tollgate({
    baseUrl: 'https://tollgate.test',
    serviceKey: 'svc',
    async fetch(request) {
      sent.push(request)
      return Response.json({ data: [], next_cursor: null })
    },
  })
  return { sent, tollgate }
}

type Namespaces = Readonly<Record<string, Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>>>>

/** @returns the operation of a request, as the API's description names it */
function nameOperation({ method, url }: Request): string | undefined {
  const path = decodeURIComponent(new URL(url).pathname).replace('/api/v1', '')
  const fill = (name: string) => name.replaceAll(/\{(\w+)\}/g, 'given-$1')
  return [...listOperations(document).keys()].find((name) => fill(name) === `${method} ${path}`)
}

/** The values for the path parameters of a method. */
function giveNames(name: string): Record<string, string> {
  const names = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter = '']) => parameter)
  return Object.fromEntries(
    names.map((parameter) => [parameter === 'id' ? (nameId(name) ?? parameter) : parameter, `given-${parameter}`]),
  )
}

test('each method of the TypeScript client sends its operation, with the path parameters in place', async () => {
  const { sent, tollgate } = listen()
  const byHand = Object.entries(BY_HAND).map(([name, [typescript]]) => ({ name, typescript, client: tollgate }))
  const written = EXPORTS.flatMap((of) =>
    listMethods(document, of).map(({ name, namespace, method }) => ({
      name,
      typescript: `${namespace}.${method}`,
      client: of === 'tollgate' ? tollgate : operate(tollgate),
    })),
  )
  for (const { name, typescript, client } of [...byHand, ...written]) {
    const [namespace = '', method = ''] = typescript.split('.')
    const call = (client as unknown as Namespaces)[namespace]?.[method]
    await call?.(name === 'POST /usage' ? [] : giveNames(name))
    expect([typescript, sent.map(nameOperation)]).toEqual([typescript, [name]])
    sent.length = 0
  }
})

test('each handwritten method exists in both Python clients', async () => {
  for (const file of ['_client.py', '_async_client.py']) {
    const text = await readFile(join(ROOT, 'clients/python/src/tollgate', file), 'utf8')
    const methods = new Set([...text.matchAll(/^ {4}(?:async )?def (\w+)\(/gm)].map(([, name]) => name))
    expect(Object.values(BY_HAND).filter(([, python]) => !methods.has(python))).toEqual([])
  }
})

test('parameters go into the query of a GET or the body of a POST, with the organization where the API reads it', async () => {
  const { sent, tollgate } = listen()
  await tollgate.members.list({ external_id: 'a/b', limit: 5 })
  await tollgate.members.add({ organization_id: 'o1', email: 'ada@example.com' })
  await tollgate.webhooks.update({ external_id: 'c1', endpoint_id: 'w1', description: 'New' })
  await tollgate.customers.update({ external_id: 'c1', name: 'Ada' })
  await tollgate.customers.update({ organization_id: 'o1', external_id: 'c2' })
  await tollgate.billing.cancel({ external_id: 'c1' })
  await tollgate.webhooks.test({ external_id: 'c1', endpoint_id: 'w1' })

  const read = async (request: Request) => [request.url.split('/api/v1')[1], await request.text()]
  expect(await Promise.all(sent.map(read))).toEqual([
    ['/organizations/external_id%3Aa%2Fb/members?limit=5', ''],
    ['/admin/organizations/o1/members', '{"email":"ada@example.com"}'],
    ['/webhook-endpoints/w1?external_id=c1', '{"description":"New"}'],
    ['/admin/organizations/external_id%3Ac1', '{"name":"Ada"}'],
    ['/admin/organizations/o1', '{"external_id":"c2"}'],
    ['/billing/cancel', '{"external_id":"c1"}'],
    ['/webhook-endpoints/w1/test?external_id=c1', ''],
  ])
})

test('an awaited list is its first page, and an iterated one all pages, by cursor and with the same parameters', async () => {
  const urls: string[] = []
  const tollgate = new Tollgate({
    baseUrl: 'https://tollgate.test',
    serviceKey: 'svc',
    async fetch({ url }) {
      urls.push(url.split('/api/v1')[1] ?? '')
      const at = Number(new URL(url).searchParams.get('cursor') ?? 0)
      return Response.json({ data: [{ id: `${at}a` }, { id: `${at}b` }], next_cursor: at < 2 ? String(at + 1) : null })
    },
  })
  const found: string[] = []
  for await (const { id } of tollgate.keys.list({ external_id: 'c1' })) found.push(id)
  for await (const { id } of operate(tollgate).users.list({ limit: 2, cursor: '2' })) found.push(id)
  for await (const { id } of tollgate.customers.list()) if (found.push(id) > 8) break

  expect((await tollgate.invitations.list({ organization_id: 'o1' })).next_cursor).toBe('1')
  expect(found).toEqual(['0a', '0b', '1a', '1b', '2a', '2b', '2a', '2b', '0a'])
  expect(urls).toEqual([
    '/auth/api-keys?external_id=c1',
    '/auth/api-keys?external_id=c1&cursor=1',
    '/auth/api-keys?external_id=c1&cursor=2',
    '/admin/users?limit=2&cursor=2',
    '/admin/organizations',
    '/organizations/o1/invitations',
  ])
})

test('a page that fails ends the iteration with its error', async () => {
  const tollgate = new Tollgate({
    baseUrl: 'https://tollgate.test',
    serviceKey: 'svc',
    fetch: async () => Response.json({ code: 'forbidden', title: 'No.' }, { status: 403 }),
  })
  const readAll = async () => {
    for await (const _ of tollgate.keys.list({})) expect.unreachable()
  }
  await expect(readAll()).rejects.toMatchObject({ code: 'forbidden' })
})
