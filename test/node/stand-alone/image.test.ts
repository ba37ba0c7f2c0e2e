import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseDockerfile, readOptions } from '../../../local/image/dockerfile.ts'
import { readSettings } from '../../../local/stand-alone/settings.ts'
import { ROOT } from '../scripts/support.ts'

const read = (file: string) => readFile(join(ROOT, file), 'utf8')

/** A pinned version of an image, never the latest. */
const VERSIONED = /^[\w./-]+:\d[\w.-]*$/

const stages = parseDockerfile(await read('Dockerfile'))
const compose = parse(await read('compose.yaml')) as {
  services: Record<string, Record<string, any>>
  volumes: Record<string, unknown>
}

const steps = (name: string) => stages.flatMap(({ steps }) => steps).filter(({ instruction }) => instruction === name)

test('each stage is of a pinned version, of the Node that the project has', async () => {
  const { devDependencies } = JSON.parse(await read('package.json')) as { devDependencies: { node: string } }
  for (const { image } of stages) {
    expect(image).toMatch(VERSIONED)
    expect(image).toMatch(new RegExp(`^node:${devDependencies.node.split('.')[0]}-`))
  }
})

test('every copied file exists, and .dockerignore lets it through', async () => {
  const lines = (await read('.dockerignore')).split('\n')
  for (const step of steps('COPY')) {
    const { options, rest } = readOptions(step)
    if (options.has('from')) {
      expect(stages.map(({ name }) => name)).toContain(options.get('from'))
      continue
    }
    for (const source of rest.slice(0, -1)) {
      expect(existsSync(join(ROOT, source)), source).toBe(true)
      expect(lines).toContain(`!${source}`)
    }
  }
  expect(lines).toContain('*')
})

test("nothing runs as root, and Docker's health check and start command exist", () => {
  const last = stages.at(-1)?.steps ?? []
  const names = last.map(({ instruction }) => instruction)
  expect(names.indexOf('USER')).toBeGreaterThan(names.lastIndexOf('RUN'))
  expect(last.find(({ instruction }) => instruction === 'USER')?.text).toBe('node')
  const scripts = last
    .filter(({ instruction }) => ['CMD', 'HEALTHCHECK'].includes(instruction))
    .map(({ text }) => /"node", "([^"]+)"/.exec(text)?.[1] ?? '')
  expect(scripts).toHaveLength(2)
  for (const script of scripts) expect(existsSync(join(ROOT, script)), script).toBe(true)
})

test('each service has a pinned version, a health check, a restart policy and a place for its data', async () => {
  const { version } = JSON.parse(await read('package.json')) as { version: string }
  const { tollgate, ...stores } = compose.services
  expect(tollgate?.image).toBe(`tollgate:${version}`)
  for (const [name, service] of Object.entries(compose.services)) {
    expect(service.image).toMatch(VERSIONED)
    expect(service.restart).toBe('unless-stopped')
    expect(service.healthcheck !== undefined || service.build === '.', name).toBe(true)
  }
  for (const store of Object.values(stores)) {
    const volumes = (store.volumes as string[]).map((volume) => volume.split(':')[0] ?? '')
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(volumes))
    expect(store.ports).toBeUndefined() // no store is reachable from outside
  }
  expect(Object.keys(tollgate?.depends_on)).toEqual(Object.keys(stores))
})

/** The environment of the composed server with this `.env`: that file if named, overridden by compose.yaml itself. */
function composedEnv(file: string): Record<string, string> {
  const { env_file: from, environment } = compose.services.tollgate as { env_file?: string; environment: object }
  const given = parseEnv(file)
  const fill = (text: string) => text.replaceAll(/\$\{(\w+):[?-]\}/g, (_, name: string) => given[name] ?? '')
  const named = Object.entries(environment).map(([name, text]) => [name, fill(String(text))])
  return { ...(from === '.env' && given), ...Object.fromEntries(named) }
}

const DOT_ENV = `POSTGRES_PASSWORD=a-password
PUBLIC_URL=https://api.acme.dev
SECRET_KEY=a-root-secret-of-at-least-32-bytes
JWT_SECRET_KEY=a-jwt-secret-of-at-least-32-bytes
`

test('the settings of the composed server are enough, and it has time to stop', () => {
  const settings = readSettings(composedEnv(DOT_ENV))
  expect(settings).not.toHaveProperty('faults')
  expect(settings).toMatchObject({ databaseUrl: 'postgresql://tollgate:a-password@postgres:5432/tollgate' })
  const seconds = Number(/^(\d+)s$/.exec(compose.services.tollgate?.stop_grace_period)?.[1])
  expect(seconds * 1_000).toBeGreaterThan(Number(Reflect.get(settings, 'stopMs')) + 2_000)
})

test('every setting in .env reaches the composed server, except where its stores are and where it listens', () => {
  const settings = readSettings(
    composedEnv(`${DOT_ENV}
METRICS_TOKEN=a-token-of-metrics-of-at-least-32-bytes
CORS_ORIGINS=https://app.acme.dev
SIGN_IN_PROVIDERS='[]'
DATABASE_REPLICA_URL=postgresql://tollgate:a-password@replica:5432/tollgate
TRUSTED_PROXIES=172.18.0.1
STOP_TIMEOUT_SECONDS=20
DATABASE_URL=postgresql://somebody@127.0.0.1/else
REDIS_URL=redis://127.0.0.1:6379
HOST=127.0.0.1
PORT=9000
`),
  )
  expect(settings).not.toHaveProperty('faults')
  expect(settings).toMatchObject({
    databaseUrl: 'postgresql://tollgate:a-password@postgres:5432/tollgate',
    redisUrl: 'redis://valkey:6379',
    replicaUrl: 'postgresql://tollgate:a-password@replica:5432/tollgate',
    host: '0.0.0.0',
    port: 8_000,
    trust: { proxies: ['172.18.0.1'] },
    stopMs: 20_000,
    worker: {
      METRICS_TOKEN: 'a-token-of-metrics-of-at-least-32-bytes',
      CORS_ORIGINS: 'https://app.acme.dev',
      SIGN_IN_PROVIDERS: '[]',
      SECRET_KEY: 'a-root-secret-of-at-least-32-bytes',
    },
  })
})
