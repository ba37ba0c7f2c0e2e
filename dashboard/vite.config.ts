import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** While developing, the page asks for this file to learn that there is a new build (src/reload.ts). */
const buildNumber: Plugin = {
  name: 'build-number',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'assets/build.txt', source: String(Date.now()) })
  },
}

/** While developing, files keep their names: wrangler's server learns of new ones only when it starts. */
const STABLE_NAMES = {
  entryFileNames: 'assets/[name].js',
  chunkFileNames: 'assets/[name].js',
  assetFileNames: 'assets/[name][extname]',
}

/** The dashboard's files, as the Worker's `[assets]` (wrangler.toml) serve them. */
export default defineConfig(({ mode }) => ({
  root: here('.'),
  base: '/dashboard/',
  plugins: [react(), tailwindcss(), ...(mode === 'development' ? [buildNumber] : [])],
  define: { __DEVELOPMENT__: JSON.stringify(mode === 'development') },
  logLevel: 'warn',
  build: {
    outDir: here('../dist/assets/dashboard'),
    emptyOutDir: mode !== 'development',
    ...(mode === 'development' && { rolldownOptions: { output: STABLE_NAMES } }),
    manifest: true,
    target: 'es2024',
    assetsInlineLimit: 0, // the page's policy loads no scripts or fonts from data: addresses
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    minify: mode !== 'development',
  },
}))
