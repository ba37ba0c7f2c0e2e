/** Reads the API's OpenAPI document without starting the API. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The parts of a JSON Schema (2020-12) that the API's schemas use. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
}

export interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>
}

export interface Operation {
  readonly operationId: string
  readonly summary: string
  /** The scope with which a service key may call it. */
  readonly 'x-service-scope'?: string
  /** Each entry names one scheme that suffices; absent if anyone may call. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: 'query' | 'path' | 'header'
    readonly required?: boolean
    readonly schema: JsonSchema
  }[]
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses: Readonly<Record<string, Content>>
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

const ENTRY = `
import { management } from './src/management.ts'
import { openApiDocument } from './src/api/openapi.ts'
export const document = openApiDocument(management, { PUBLIC_URL: 'http://localhost:8000', SERVICE_NAME: 'Tollgate' })`

/** @throws Error when the sources cannot be bundled; what and where is printed first */
export async function readOpenApi(): Promise<OpenApi> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    stdin: { contents: ENTRY, resolveDir: ROOT },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    conditions: ['workerd', 'worker'],
    external: ['cloudflare:*'],
    loader: { '.wasm': 'empty' },
    logLevel: 'error',
  })
  const folder = join(ROOT, '.local')
  const file = join(folder, `openapi-${process.pid}.mjs`)
  await mkdir(folder, { recursive: true })
  await writeFile(file, outputFiles[0]?.contents ?? '')
  try {
    const { document } = await import(pathToFileURL(file).href)
    return JSON.parse(JSON.stringify(document))
  } finally {
    await rm(file, { force: true })
  }
}
