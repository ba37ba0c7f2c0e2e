/** Apps that Tollgate protects, started as their users start them, and called by curl. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, onTestFinished } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'
import { ROOT } from '../scripts/support.ts'

export interface App {
  readonly url: string
  stop(): Promise<unknown>
}

type Variables = Readonly<Record<string, string>>

/** Runs a program that listens on `PORT`, and waits until it responds. */
export async function startProgram(file: string, variables: Variables): Promise<App> {
  const port = await freePort()
  const child = spawn(process.execPath, ['--no-warnings', file], {
    env: { ...variables, PORT: String(port) },
    stdio: 'inherit',
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  await expect.poll(() => answers(url), { timeout: 20_000 }).toBe(true)
  return {
    url,
    stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/**
 * Serves a route handler by `next dev`, until the test ends, in an app of its own. The app is inside of the repository,
 * whose packages it finds there, and has a copy of the client: Next.js follows no link that leads out of an app.
 *
 * @param path of the handler in the app, such as `app/v1/orders/[id]/route.ts`
 */
export async function startNext(path: string, text: string, variables: Variables): Promise<App> {
  await mkdir(join(ROOT, '.local'), { recursive: true })
  const folder = await mkdtemp(join(ROOT, '.local/next-app-'))
  await Promise.all([copyClient(join(folder, 'node_modules/tollgate')), writeApp(folder, path, text)])
  const port = await freePort()
  const child = spawn(process.execPath, [NEXT, 'dev', '--port', String(port), '--hostname', '127.0.0.1'], {
    cwd: folder,
    env: { PATH: process.env.PATH, NEXT_TELEMETRY_DISABLED: '1', ...variables },
    stdio: 'ignore',
    detached: true, // it has children, which end with its process group
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    process.kill(-(child.pid as number), 'SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const url = `http://127.0.0.1:${port}`
  await expect.poll(() => answers(url), { timeout: 90_000 }).toBe(true)
  return { url, stop: async () => undefined }
}

/** For tests with Next.js, which compiles what it serves on request. */
export const NEXT_TIMEOUT_MS = 180_000

const NEXT = join(ROOT, 'node_modules/next/dist/bin/next')

/** The client as packaged. */
async function copyClient(to: string): Promise<void> {
  const from = join(ROOT, 'packages/tollgate')
  await build({
    entryPoints: ['index', 'next'].map((name) => join(from, 'src', `${name}.ts`)),
    outdir: join(to, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    logLevel: 'error',
  })
  await copyFile(join(from, 'package.json'), join(to, 'package.json'))
}

async function writeApp(folder: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), text)
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  await copyFile(join(ROOT, 'examples/next-app/tsconfig.json'), join(folder, 'tsconfig.json'))
}

const answers = (url: string) =>
  fetch(url)
    .then(() => true)
    .catch(() => false)

/** Runs a documented line in a shell. Not blocking: the app may be in this process. @returns its output */
export async function execute(line: string, variables: Variables = {}): Promise<string> {
  const env = { PATH: process.env.PATH, ...variables }
  return (await promisify(execFile)('bash', ['-c', `${line} -s`], { env })).stdout
}

/** Status, lowercase header names, and the body, from the output of `curl -i`. */
export function readAnswer(text: string) {
  const [head = '', body = ''] = text.trim().split(/\r?\n\r?\n/)
  const [first = '', ...headers] = head.split(/\r?\n/)
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1]),
    names: headers.map((line) => line.split(':')[0]?.toLowerCase()),
    body: JSON.parse(body) as unknown,
  }
}
