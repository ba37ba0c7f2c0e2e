import { readFile } from 'node:fs/promises'

/**
 * The `[vars]` of a wrangler.toml, as a deployment gives them to the Worker: strings mostly, and what TOML has beside them.
 *
 * @throws Error that says where the file is no TOML, never what stands there
 */
export async function readVars(path: string | URL): Promise<object> {
  const text = await readFile(path, 'utf8')
  const { parse, TomlError } = await import('smol-toml') // not there where nothing is deployed from, as in an image
  try {
    const { vars = {} } = parse(text)
    if (typeof vars !== 'object') throw new Error('vars of the configuration is no table.')
    return vars
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new Error(`The configuration is no TOML at line ${error.line}, column ${error.column}.`, { cause: error })
  }
}
