/**
 * Bundles a Worker into pieces: its entry with what is imported at once, and what is behind an `import()`.
 *
 * wrangler's own bundler makes one file of all, in which whatever two sides of an `import()` share becomes a function that
 * is read twice: first to be skipped, then to be called. Pieces are read once, and evaluated when they are asked for.
 */
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Piece {
  /** `index.js` is the entry. */
  readonly name: string
  readonly text: string
}

/**
 * @hono/zod-openapi takes zod as an object, and uses one class of it. Handing over the whole object would bring in what no
 * part of Tollgate uses: the messages of fifty languages and JSON Schema, a fifth of all bytes.
 */
const ZOD_OF_OPENAPI = "import { ZodType } from 'zod'\nexport const z = { ZodType }"
const smallZod: Plugin = {
  name: 'small-zod',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^zod$/ }, ({ importer, resolveDir }) =>
      importer.includes('/@hono/zod-openapi/') ? { path: 'zod', namespace: 'small-zod', pluginData: resolveDir } : null,
    )
    onLoad({ filter: /.*/, namespace: 'small-zod' }, ({ pluginData }) => ({
      contents: ZOD_OF_OPENAPI,
      resolveDir: pluginData as string,
    }))
  },
}

/**
 * @param entry below the project's root
 * @returns the entry first
 * @throws Error when something cannot be built; what and where is printed before
 */
export async function bundle(entry: string): Promise<Piece[]> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { index: entry },
    outdir: 'dist',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true, // names of functions are not kept: it would cost each closure a call, on every request
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    define: { 'process.env.NODE_ENV': '"production"', 'navigator.userAgent': '"Cloudflare-Workers"' },
    external: ['cloudflare:*'],
    alias: { crypto: './src/lib/no-node-crypto.ts' }, // a fallback of bcryptjs that a Worker never needs; see the file
    chunkNames: '[name]-[hash]',
    plugins: [smallZod],
    logLevel: 'error',
  })
  return outputFiles
    .map(({ path, text }) => ({ name: basename(path), text }))
    .toSorted((one, other) => Number(other.name === 'index.js') - Number(one.name === 'index.js'))
}
