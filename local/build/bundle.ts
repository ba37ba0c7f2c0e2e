/**
 * Bundles a Worker into pieces: its entry with everything that is imported at once, and what is behind an `import()`.
 *
 * wrangler's own bundler makes one file of everything, in which code that both sides of an `import()` share becomes a function
 * that is parsed twice: first to be skipped, then to be called. Pieces are parsed once, and evaluated on demand.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Piece {
  /** `index.js` is the entry. */
  readonly name: string
  /** The text of a script; empty if the piece is compiled already (`*.wasm`). */
  readonly text: string
  readonly bytes: Uint8Array
  /** The source map of a script, for stack traces. */
  readonly map: string
}

/**
 * @hono/zod-openapi takes zod as an object, but uses only one class of it. Passing the whole object would bundle code that no
 * part of Tollgate uses: the messages of fifty languages and JSON Schema, a fifth of all bytes.
 */
const ZOD_OF_OPENAPI = "import { ZodType } from 'zod'\nexport const z = { ZodType }"
const smallZod: Plugin = {
  name: 'small-zod',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^zod$/ }, ({ importer, resolveDir }) =>
      /[\\/]@hono[\\/]zod-openapi[\\/]/.test(importer)
        ? { path: 'zod', namespace: 'small-zod', pluginData: resolveDir }
        : null,
    )
    onLoad({ filter: /.*/, namespace: 'small-zod' }, ({ pluginData }) => ({
      contents: ZOD_OF_OPENAPI,
      resolveDir: pluginData as string,
    }))
  },
}

/**
 * Tollgate does not request the manufacturer's certificate of a passkey, so it reads none: without that code, 200 kB of ASN.1 are
 * left out. A client that sends one is refused.
 */
const CERTIFICATES =
  /[\\/]@simplewebauthn[\\/]server[\\/]esm[\\/](registration[\\/]verifications[\\/](?:tpm[\\/])?(verifyAttestation(?:AndroidKey|AndroidSafetyNet|Apple|FIDOU2F|TPM))|helpers[\\/](convertX509PublicKeyToCOSE|getCertificateInfo|isCertRevoked|mapX509SignatureAlgToCOSEAlg|validateCertificatePath|validateExtFIDOGenCEAAGUID))\.js$/
const noCertificates: Plugin = {
  name: 'no-certificates',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@simplewebauthn[\\/]server[\\/].*[\\/]defaultRootCerts[\\/].*\.js$/ }, async ({ path }) => {
      const names = [...(await readFile(path, 'utf8')).matchAll(/export const (\w+)/g)].map(([, name]) => name)
      return { contents: names.map((name) => `export const ${name} = ''`).join('\n') }
    })
    onLoad({ filter: CERTIFICATES }, ({ path }) => {
      const [, , format, helper] = CERTIFICATES.exec(path) ?? []
      return {
        contents: `export function ${format ?? helper}() { throw new Error('Certificates of passkeys are not read') }`,
      }
    })
  },
}

/**
 * The rest of ASN.1 only splits an ECDSA signature into its two numbers. Tollgate has its own code for that (reports of secret
 * scanners), and allows passkeys no curve but P-256: 165 kB less.
 */
const SIGNATURE = `import { rawSignature } from './src/lib/ecdsa-signature.ts'
export function unwrapEC2Signature(signature) {
  const raw = rawSignature(signature)
  if (!raw) throw new Error('The signature is none of P-256 in DER')
  return raw
}`
const ownSignature: Plugin = {
  name: 'own-signature',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@simplewebauthn[\\/]server[\\/].*[\\/]unwrapEC2Signature\.js$/ }, () => ({
      contents: SIGNATURE,
      resolveDir: ROOT,
    }))
  },
}

/**
 * The MCP SDK brings a second validator, for forms that a server sends to people, and zod 3, for tools that are written
 * with it. Tollgate sends no forms, and its tools are plain JSON Schema: leaving both out saves 135 kB.
 */
const UNUSED_OF_MCP = /[\\/]@modelcontextprotocol[\\/]sdk[\\/]/
const smallMcp: Plugin = {
  name: 'small-mcp',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /(^zod\/v3|validation\/ajv-provider\.js)$/ }, ({ path, importer }) =>
      UNUSED_OF_MCP.test(importer) ? { path, namespace: 'small-mcp' } : null,
    )
    onLoad({ filter: /.*/, namespace: 'small-mcp' }, ({ path }) => ({
      contents: path === 'zod/v3' ? 'export {}' : 'export class AjvJsonSchemaValidator {}',
    }))
  },
}

/**
 * Does what wrangler's own bundler would add for its server: between it and workerd, an answer that is sent before a large body
 * was read breaks the connection. Cloudflare's edge handles this itself.
 */
const renderDrained = (entry: string) => `import worker from './${entry}'
export * from './${entry}'
export default {
  ...worker,
  async fetch(request, env, context) {
    try {
      return await worker.fetch(request, env, context)
    } finally {
      if (request.body && !request.bodyUsed) await request.body.pipeTo(new WritableStream()).catch(() => {})
    }
  },
}`

/** Whether a piece is WebAssembly; all others are scripts. */
export const isCompiled = (name: string): boolean => name.endsWith('.wasm')

/**
 * @param entry below the project's root
 * @param server the server in front of the Worker: Cloudflare's, or wrangler's on this machine
 * @returns the entry first
 * @throws Error when something cannot be built; what and where is printed first
 */
export async function bundle(entry: string, server: 'edge' | 'dev' = 'edge'): Promise<Piece[]> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    ...(server === 'dev' ? { stdin: { contents: renderDrained(entry), resolveDir: ROOT } } : { entryPoints: [entry] }),
    entryNames: 'index',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.wasm': 'copy' }, // a module that workerd compiles at startup: at run time it may not
    outdir: 'dist',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true, // names of functions are not kept: that would cost each closure a call, on every request
    sourcemap: 'linked',
    sourcesContent: false,
    target: 'es2024',
    supported: { using: true },
    conditions: ['workerd', 'worker', 'browser'],
    define: { 'process.env.NODE_ENV': '"production"', 'navigator.userAgent': '"Cloudflare-Workers"' },
    external: ['cloudflare:*'],
    alias: { crypto: './src/lib/no-node-crypto.ts' }, // a fallback of bcryptjs that a Worker never needs; see the file
    plugins: [smallZod, noCertificates, ownSignature, smallMcp],
    logLevel: 'error',
  })
  const files = new Map(outputFiles.map((file) => [basename(file.path), file]))
  return [...files]
    .filter(([name]) => !name.endsWith('.map'))
    .map(([name, { contents, text }]) => ({
      name,
      bytes: contents,
      text: isCompiled(name) ? '' : text,
      map: files.get(`${name}.map`)?.text ?? '',
    }))
    .toSorted((one, other) => Number(other.name === 'index.js') - Number(one.name === 'index.js'))
}
