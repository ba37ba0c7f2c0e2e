/** Forms in which other systems store hashes that are PHC strings here. Their salts are texts, used unchanged. */
const FORMS: readonly (readonly [form: RegExp, encoding: Encoding])[] = [
  // better-auth, with its parameters below
  [/^(?<salt>[0-9a-f]{32}):(?<hash>[0-9a-f]{128})$/, 'hex'],
  // Django
  [/^pbkdf2_(?<digest>sha256)\$(?<rounds>\d+)\$(?<salt>[^$]+)\$(?<hash>[A-Za-z0-9+/]+=*)$/, 'base64'],
  [/^scrypt\$(?<n>\d+)\$(?<salt>[^$]+)\$(?<r>\d+)\$(?<p>\d+)\$(?<hash>[A-Za-z0-9+/]+=*)$/, 'base64'],
  // Werkzeug, and so Flask
  [/^pbkdf2:(?<digest>sha256|sha512):(?<rounds>\d+)\$(?<salt>[^$]+)\$(?<hash>[0-9a-f]+)$/, 'hex'],
  [/^scrypt:(?<n>\d+):(?<r>\d+):(?<p>\d+)\$(?<salt>[^$]+)\$(?<hash>[0-9a-f]+)$/, 'hex'],
]
const BETTER_AUTH = { n: '16384', r: '16', p: '1' } as const
/** passlib's base64 has `.` for `+`. */
const PASSLIB = /^\$(pbkdf2-sha(?:256|512))\$(\d+)\$([A-Za-z0-9./]+\$[A-Za-z0-9./]+)$/

/** Converts a hash to its stored form. Any other form is left unchanged. */
export function toStoredHash(text: string): string {
  const passlib = PASSLIB.exec(text)
  if (passlib) {
    const [, digest = '', rounds = '', rest = ''] = passlib
    return `$${digest}$i=${rounds}$${rest.replaceAll('.', '+')}`
  }
  for (const [form, encoding] of FORMS) {
    const { groups } = form.exec(text) ?? {}
    if (groups) return toPhc(groups, encoding)
  }
  return text
}

type Encoding = 'utf8' | 'hex' | 'base64'

function toPhc(groups: Readonly<Record<string, string>>, encoding: Encoding): string {
  const all: Readonly<Record<string, string>> = { ...BETTER_AUTH, ...groups }
  const { digest = '', rounds = '', n = '', r = '', p = '', salt = '', hash = '' } = all
  const parameters = digest ? `pbkdf2-${digest}$i=${rounds}` : `scrypt$ln=${Math.log2(Number(n))},r=${r},p=${p}`
  return `$${parameters}$${toBase64(salt, 'utf8')}$${toBase64(hash, encoding)}`
}

/** PHC strings have no base64 padding. */
const toBase64 = (text: string, encoding: Encoding) => Buffer.from(text, encoding).toString('base64').replace(/=+$/, '')
