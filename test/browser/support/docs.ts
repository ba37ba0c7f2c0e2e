import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'

/** The functions of docs/operate/sign-in.md, for the server of the tests. */
export async function signInCode(): Promise<string> {
  const text = await readFile(new URL('../../../docs/operate/sign-in.md', import.meta.url), 'utf8')
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)]
    .map(([, block = '']) => block.replaceAll('export ', ''))
    .join('\n')
    .replaceAll('https://tollgate.example.com', inject('server').baseUrl)
}
