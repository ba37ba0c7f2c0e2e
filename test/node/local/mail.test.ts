import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack, sendMail } from './support.ts'

let stack: Stack

beforeAll(async () => {
  stack = await openStack()
})

beforeEach(() => fetch(`${stack.url}/outbox`, { method: 'DELETE' }))
afterAll(() => stack.close())

async function outbox(query = '') {
  return (await fetch(`${stack.url}/outbox${query}`, { headers: { Accept: 'application/json' } })).json()
}

async function failure(answer: Response) {
  return { status: answer.status, ...(await answer.json()) }
}

test('a sent email is in the outbox, newest first', async () => {
  const answer = await sendMail(stack, { subject: 'First', html: '<p>Hi</p>' })
  await sendMail(stack, { subject: 'Second', reply_to: 'help@example.com', headers: { 'X-Kind': 'test' } })
  const { id } = await answer.json()

  expect(answer.status).toBe(200)
  expect(await outbox()).toMatchObject([
    { subject: 'Second', text: 'Hi', html: null, reply_to: ['help@example.com'], headers: { 'X-Kind': 'test' } },
    { id, to: 'ada@example.com', subject: 'First', text: 'Hi', html: '<p>Hi</p>', links: [] },
  ])
  expect(new Date((await outbox())[0].sent_at).getTime()).toBeLessThanOrEqual(Date.now())
})

test('links are every address in text and HTML, each once', async () => {
  await sendMail(stack, {
    text: 'Open https://a.example/verify?token=x&y=1. Or (http://b.example/).',
    html: '<a href="https://a.example/verify?token=x&amp;y=1">Open</a> <a href=\'https://c.example\'>c</a> ftp://d.example',
  })

  expect((await outbox())[0].links).toEqual([
    'https://a.example/verify?token=x&y=1',
    'http://b.example/',
    'https://c.example',
  ])
})

test('the outbox can be filtered by recipient, in any case', async () => {
  await sendMail(stack, { to: ['Ada <ada@example.com>', 'bob@example.com'] })
  await sendMail(stack, { to: 'adabob@example.com' })

  expect(await outbox('?to=BOB@example.com')).toMatchObject([{ to: 'Ada <ada@example.com>, bob@example.com' }])
  expect(await outbox('?to=ada%40example.com')).toHaveLength(1)
  expect(await outbox('?to=nobody@example.com')).toEqual([])
})

test('clearing the outbox empties it', async () => {
  await sendMail(stack)
  await fetch(`${stack.url}/outbox`, { method: 'DELETE' })

  expect(await outbox()).toEqual([])
})

test('the same idempotency key sends one email and returns one id', async () => {
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const [first, second] = [await sendMail(stack, {}, headers), await sendMail(stack, {}, headers)]

  expect(await first.json()).toEqual(await second.json())
  expect(await outbox()).toHaveLength(1)
  expect(await failure(await sendMail(stack, { subject: 'Other' }, headers))).toMatchObject({
    status: 409,
    name: 'invalid_idempotent_request',
  })
})

test('without an API key nothing is sent', async () => {
  const answer = await sendMail(stack, {}, { Authorization: '' })

  expect(await failure(answer)).toMatchObject({ status: 401, statusCode: 401, name: 'missing_api_key' })
  expect(await outbox()).toEqual([])
})

test.for(['from', 'to', 'subject'])('a mail without %s is refused by name', async (field) => {
  expect(await failure(await sendMail(stack, { [field]: undefined }))).toEqual({
    status: 422,
    statusCode: 422,
    name: 'missing_required_field',
    message: `Missing \`${field}\` field.`,
  })
})

test('an email with neither text nor html is refused', async () => {
  expect(await failure(await sendMail(stack, { text: undefined }))).toMatchObject({
    status: 422,
    name: 'missing_required_field',
    message: 'Missing `html` or `text` field.',
  })
})

test.for(['ada', 'ada@example.com\r\nBcc: x@example.com', 'Ada <ada>', ''])('%j is not an address', async (to) => {
  expect(await failure(await sendMail(stack, { to }))).toMatchObject({ status: 422, name: 'validation_error' })
})

test.for(['attachments', 'cc', 'scheduled_at'])('%s is not supported here and refused by name', async (field) => {
  expect(await failure(await sendMail(stack, { [field]: 'x' }))).toMatchObject({
    status: 422,
    name: 'validation_error',
    message: `The local mail service does not support \`${field}\`.`,
  })
})

test('the page escapes the content, keeps links clickable and may load nothing', async () => {
  await sendMail(stack, { subject: '<script>alert(1)</script>', text: 'https://a.example/?x=1&y=2 "quoted"' })
  const answer = await fetch(`${stack.url}/outbox`)
  const page = await answer.text()

  expect(answer.headers.get('content-type')).toContain('text/html')
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page).toContain('<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>')
  expect(page).toContain('<a href="https://a.example/?x=1&amp;y=2"')
  expect(page).toContain('color-scheme: light dark')
})

test('the page shows HTML in a frame that can neither run anything nor escape', async () => {
  await sendMail(stack, { html: '"></iframe><script>alert(1)</script>' })
  const page = await (await fetch(`${stack.url}/outbox`)).text()

  expect(page).toContain('<iframe sandbox srcdoc="&quot;&gt;&lt;/iframe&gt;&lt;script&gt;')
})
