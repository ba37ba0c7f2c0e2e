import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'
import { untilUp } from '../../../local/support/until-up.ts'
import { runScript } from './support.ts'

test.each([
  [{ EMAIL_VERIFICATION: 'yes' }, /^EMAIL_VERIFICATION is wrong: .*\.\n$/],
  [{ BRAND_COLOR: 'sesame' }, /^BRAND_COLOR is wrong: must be a color, such as #0a7cff\.\n$/],
  [{ TURNSTILE_SITE_KEY: 'sesame' }, /^TURNSTILE_SECRET_KEY is missing, but the other of the two keys is set\.\n$/],
])('a setting that cannot work ends it at once, by its name: %j', async (more: NodeJS.ProcessEnv, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-dev-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { code, stderr } = await runScript('dev', {
    ...more,
    TOLLGATE_LOCAL_DIR: folder,
    PORT: String(await freePort()),
    LOCAL_PORT: String(await freePort()),
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(message)
})

test('a server that goes on refusing is told with its reason', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  onTestFinished(() => errors.mockRestore())
  let asked = 0
  const server = createServer((_, response) => {
    response.writeHead(++asked > 12 ? 200 : 503).end('{"detail":"SECRET_KEY is missing."}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  expect(await untilUp(`http://127.0.0.1:${port}`, { exitCode: null, signalCode: null })).toBe(true)
  expect(errors.mock.calls).toEqual([['The Worker answers 503: {"detail":"SECRET_KEY is missing."}']])
})
