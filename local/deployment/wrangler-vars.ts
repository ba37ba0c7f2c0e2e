import { readFile } from 'node:fs/promises'

/**
 * The `[vars]` of a wrangler.toml, as a deployment passes them to the Worker: mostly strings, and other TOML values.
 *
 * @throws Error that says where the file is not TOML, never what it contains
 */
export async function readVars(path: string | URL): Promise<object> {
  const { vars = {} } = await readToml(path)
  if (typeof vars !== 'object') throw new Error('vars of the configuration is no table.')
  return vars
}

/** The Worker's name at Cloudflare. @throws Error as `readVars`, and where there is none */
export async function readWorkerName(path: string | URL): Promise<string> {
  const { name } = await readToml(path)
  if (typeof name !== 'string' || name === '') throw new Error('The configuration has no name of the Worker.')
  return name
}

async function readToml(path: string | URL) {
  const text = await readFile(path, 'utf8')
  const { parse, TomlError } = await import('smol-toml') // missing where nothing is deployed from, as in an image
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new Error(`The configuration is no TOML at line ${error.line}, column ${error.column}.`, { cause: error })
  }
}
