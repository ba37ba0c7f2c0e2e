import { fromBase64, utf8 } from '../../lib/bytes.ts'
import { rawSignature } from '../../lib/ecdsa-signature.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { ReportKey } from '../../lib/report-keys.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
/** A DER signature on P-256 has at most 72 bytes. */
const BASE64 = /^[A-Za-z0-9+/]{1,96}={0,2}$/

interface SignedReport {
  /** `Github-Public-Key-Identifier`. */
  readonly keyId: string | undefined
  /** `Github-Public-Key-Signature`: DER in base64. */
  readonly signature: string | undefined
  /** As received. Parsing and serializing the JSON again would change it. */
  readonly body: string
}

/** Whether one of these keys signed the report: ECDSA on P-256 over SHA-256 of the body, as GitHub signs. */
export async function isSigned(
  keys: readonly ReportKey[],
  { keyId, signature = '', body }: SignedReport,
): Promise<boolean> {
  const key = keys.find(({ id }) => id === keyId)
  const raw = BASE64.test(signature) && signature.length % 4 === 0 ? rawSignature(fromBase64(signature)) : undefined
  if (!key || !raw) return false
  try {
    const imported = await crypto.subtle.importKey('spki', key.spki, ALGORITHM, false, ['verify'])
    return await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, imported, raw, utf8(body))
  } catch (error) {
    // a point that is not on the curve
    log('error', 'leak_report_key_unusable', { key_id: key.id, ...errorFields(error) })
    return false
  }
}
