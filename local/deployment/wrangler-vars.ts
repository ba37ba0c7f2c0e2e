import { readFile } from 'node:fs/promises'

/**
 * The `[vars]` of a wrangler.toml, as a deployment passes them to the Worker: mostly strings, and other TOML values.
 *
 * @throws Error that says where the file is not TOML, never what it contains
 */
export async function readVars(path: string | URL): Promise<object> {
  const text = await readFile(path, 'utf8')
  const { parse, TomlError } = await import('smol-toml') // missing where nothing is deployed from, as in an image
  try {
    const { vars = {} } = parse(text)
    if (typeof vars !== 'object') throw new Error('vars of the configuration is no table.')
    return vars
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new Error(`The configuration is no TOML at line ${error.line}, column ${error.column}.`, { cause: error })
  }
}
