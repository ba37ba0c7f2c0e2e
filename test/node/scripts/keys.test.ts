import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type PrivateJwk, parseJwkSet } from '../../../src/lib/jwk-set.ts'
import { ROOT, runScript } from './support.ts'

const keys = (line: string, JWT_KEYS = '') => runScript(`keys ${line}`, { JWT_KEYS })

/** The printed set: the Worker must accept it. */
async function made(line: string, JWT_KEYS = ''): Promise<{ text: string; set: PrivateJwk[]; stderr: string }> {
  const { code, stdout, stderr } = await keys(line, JWT_KEYS)
  expect([code, stdout.split('\n').length]).toEqual([0, 2])
  const set = parseJwkSet(stdout)
  if (typeof set === 'string') throw new Error(set)
  return { text: stdout, set, stderr }
}

const secretsOf = (set: readonly PrivateJwk[]) => set.map(({ d, k }) => d ?? k)

describe('npm run keys -- new', () => {
  test.each([
    ['new', 'ES256'],
    ['new --alg ES256', 'ES256'],
    ['new --alg EdDSA', 'EdDSA'],
    ['new --alg HS256', 'HS256'],
  ])('%s prints a set with one key of %s, alone on standard output, and says what to do with it', async (line, alg) => {
    const { set, stderr } = await made(line)
    expect(set).toMatchObject([{ alg, kid: expect.stringMatching(/^\d{4}-\d{2}-\d{2}-\w{6}$/) }])
    expect(stderr).toContain('wrangler secret put JWT_KEYS')
    expect(stderr).not.toContain(secretsOf(set)[0])
  })

  test('no two are the same', async () => {
    const sets = await Promise.all(['new', 'new'].map((line) => made(line)))
    expect(new Set(sets.flatMap(({ set }) => secretsOf(set).concat(set[0]?.kid))).size).toBe(4)
  })
})

describe('npm run keys -- rotate', () => {
  test('puts a new key of the same kind first and keeps the former ones unchanged', async () => {
    const before = await made('new --alg EdDSA')
    const after = await made('rotate', before.text)
    expect(after.set.map(({ alg }) => alg)).toEqual(['EdDSA', 'EdDSA'])
    expect(after.set[1]).toEqual(before.set[0])
    expect(after.stderr).toContain('nobody is signed out')
  })

  test('of another kind, if requested; reads standard input; keeps three former keys and names those it removes', async () => {
    let { text, set } = await made('new')
    const [first] = set
    for (let count = 0; count < 3; count++) ({ text, set } = await made('rotate', text))
    expect(set[3]).toEqual(first)

    const { status, stdout, stderr } = spawnSync(process.execPath, ['local/keys.ts', 'rotate', '--alg', 'HS256'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, JWT_KEYS: '' }, // as an empty line of a file of variables
      input: text,
      encoding: 'utf8',
    })
    expect(status).toBe(0)
    expect((parseJwkSet(stdout) as PrivateJwk[]).map(({ alg }) => alg)).toEqual(['HS256', 'ES256', 'ES256', 'ES256'])
    expect(stderr).toContain(`No longer kept, so that their tokens are refused: ${first?.kid}.`)
  })

  test.each([
    ['', 'Give the present value'],
    ['sesame', 'JWT_KEYS is not a JWK set'],
    ['{"keys":[{"kty":"oct","kid":"a","k":"c2VzYW1l"}]}', 'JWT_KEYS key 1 is too weak'],
  ])('a current value of %j is one line and exit code 1', async (value, reason) => {
    const { code, stdout, stderr } = await keys('rotate', value)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect(stderr).toContain(reason)
    expect(stderr).not.toMatch(/sesame|c2VzYW1l/)
  })
})

describe('npm run keys -- show', () => {
  test('lists kid, algorithm, role and thumbprint, and never a private part', async () => {
    const first = await made('new --alg HS256')
    const second = await made('rotate --alg ES256', first.text)
    const { code, stdout } = await keys('show', second.text)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/))

    expect(code).toBe(0)
    expect(lines).toEqual([
      ['kid', 'alg', 'role', 'thumbprint'],
      [second.set[0]?.kid, 'ES256', 'signs', expect.stringMatching(/^[\w-]{43}$/)],
      [first.set[0]?.kid, 'HS256', 'verifies', '(secret)'],
    ])
    for (const secret of secretsOf(second.set)) expect(stdout).not.toContain(secret)
  })
})

test.each([
  ['', 0, 'Usage: npm run keys'],
  ['--help', 0, 'Usage: npm run keys'],
  ['burn', 2, 'Usage: npm run keys'],
  ['new --alg RS256', 1, '--alg: one of ES256, EdDSA, HS256.'],
  ['new --bits 8', 1, 'Unknown option --bits'],
])('npm run keys -- %s: exit code %d, %s', async (line, code, text) => {
  const run = await keys(line)
  expect(run.code).toBe(code)
  expect(run.stdout + run.stderr).toContain(text)
})
