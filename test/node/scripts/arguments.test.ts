import { expect, test, vi } from 'vitest'
import { readArguments } from '../../../local/support/arguments.ts'

const OPTIONS = { email: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const

/** @param env as npm sets it for what it was given itself */
function read(args: readonly string[], env: Record<string, string> = {}) {
  const { argv } = process
  process.argv = ['node', 'local/setup.ts', ...args]
  vi.stubEnv('npm_lifecycle_event', 'setup')
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  try {
    return readArguments(OPTIONS).values
  } finally {
    process.argv = argv
    vi.unstubAllEnvs()
  }
}

test('an option that npm took for itself is refused by name, with how to write it', () => {
  expect(() => read([], { npm_config_dry_run: 'true' })).toThrow(
    'npm took --dry-run for itself. Write two dashes first: npm run setup -- --dry-run',
  )
  // npm leaves the value of an option that it does not know among the arguments
  expect(() => read(['ada@acme.dev'], { npm_config_email: 'true', npm_config_dry_run: 'true' })).toThrow(
    'npm took --email and --dry-run for itself. Write two dashes first: npm run setup -- --email … --dry-run',
  )
})

test('npm’s own settings of that name are no matter where the option is given, nor what is off, nor other settings', () => {
  expect(read(['--email', 'ada@acme.dev'], { npm_config_email: 'someone@acme.dev' })).toMatchObject({
    email: 'ada@acme.dev',
  })
  expect(read(['--email=ada@acme.dev'], { npm_config_email: 'someone@acme.dev', npm_config_dry_run: 'false' })).toEqual(
    {
      email: 'ada@acme.dev',
    },
  )
  expect(read([], { npm_config_cache: '/x', npm_config_dry_run: '' })).toEqual({})
})
