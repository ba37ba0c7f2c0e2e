/** For scripts that hash passwords in Node: there the same module is compiled from its file. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const file = createRequire(import.meta.url).resolve('argon2id/dist/simd.wasm')

export default new WebAssembly.Module(readFileSync(file))
