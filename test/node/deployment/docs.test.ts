import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, runScript } from '../scripts/support.ts'

const ENV = {
  PUBLIC_URL: 'https://api.acme.dev',
  DATABASE_URL: 'postgresql://owner:password@ep-1-pooler.neon.tech/main',
  UPSTASH_REDIS_REST_URL: 'https://acme.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'a-token',
}

test.each(['deploy.md', 'releases.md'])('the commands of %s for Cloudflare are valid', async (page) => {
  const text = await readFile(join(ROOT, 'docs/operate', page), 'utf8')
  const lines = [...text.matchAll(/^npm run (setup|roll-out) -- (?!--back)(.*)$/gm)]
  expect(lines).toHaveLength(1)
  for (const [, script = '', args = ''] of lines) {
    const { code, stdout, stderr } = await runScript(`${script} ${args} --dry-run`, ENV)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^1\. /)
  }
})
