import { text } from 'node:stream/consumers'
import { parseJwkSet } from '../src/lib/jwk-set.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { ALGORITHMS, isAlgorithm, newKey, renderTable, rotate, type SignatureAlgorithm } from './support/key-set.ts'

const HELP = `Usage: npm run keys -- new [--alg ${ALGORITHMS.join('|')}] | rotate [--alg …] | show

  new      prints a fresh value for the secret JWT_KEYS, with one key (ES256 unless --alg says otherwise)
  rotate   reads the present value from the environment variable JWT_KEYS or from standard input, and prints it with a
           new key in front, which signs from then on; up to three former ones go on verifying
  show     lists the keys of such a value: kid, algorithm, role and thumbprint (RFC 7638); never a private part

The value alone goes to standard output, so that it can be piped: npm run -s keys -- new | npx wrangler secret put JWT_KEYS`

const NEXT = {
  new: `Set it as the secret JWT_KEYS (npx wrangler secret put JWT_KEYS), keep a copy where you keep secrets, and delete
JWT_SECRET_KEY, if it is set: exactly one of them is taken.`,
  rotate: `Set it as the secret JWT_KEYS: the new key signs, tokens of the former ones stay good, and nobody is signed out.
Half an hour later no access token of the former keys is left: then they can be taken out (docs/operate/keys.md).`,
}

const VERBS: Record<string, ((alg: SignatureAlgorithm | undefined) => Promise<void>) | undefined> = {
  async new(alg = 'ES256') {
    tell({ keys: [await newKey(alg)] }, NEXT.new)
  },
  async rotate(alg) {
    const { keys, dropped } = await rotate(await presentKeys(), alg)
    const gone = dropped.length > 0 ? `\nNo longer kept, so that their tokens are refused: ${dropped.join(', ')}.` : ''
    tell({ keys }, NEXT.rotate + gone)
  },
  async show() {
    console.log(await renderTable(await presentKeys()))
  },
}

await command(async function keys() {
  const { positionals, values } = readArguments({ alg: { type: 'string' } }, 1)
  const name = positionals[0] || 'help'
  const verb = VERBS[name]
  if (!verb || values.help) {
    console.log(HELP)
    process.exitCode = name === 'help' || values.help ? 0 : 2
    return
  }
  const { alg } = values
  if (alg !== undefined && !isAlgorithm(alg)) throw new Error(`--alg: one of ${ALGORITHMS.join(', ')}.`)
  await verb(alg)
})

/** @throws Error that says what is wrong with the value and contains nothing of it */
async function presentKeys() {
  const value = process.env.JWT_KEYS?.trim() || (process.stdin.isTTY ? '' : await text(process.stdin))
  if (!value.trim()) throw new Error('Give the present value in the variable JWT_KEYS or on standard input.')
  const keys = parseJwkSet(value)
  if (typeof keys === 'string') throw new Error(`JWT_KEYS ${keys}.`)
  return keys
}

function tell(set: object, next: string): void {
  console.error(next)
  console.log(JSON.stringify(set))
}
