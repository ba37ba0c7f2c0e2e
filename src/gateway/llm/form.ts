import { CallerGone } from '../../http/caller-gone.ts'
import { Problem } from '../../problems.ts'

const DASH = 0x2d

/**
 * Checks the first byte of a form, and passes the form on as it arrives. A form begins with the dashes of its boundary
 * (RFC 2046 §5.1.1). Without the check, JSON under a form's media type could reach a model that ignores the media type.
 *
 * @throws CallerGone; Problem `malformed_json` if it is not a form
 */
export async function readForm(
  body: ReadableStream<Uint8Array>,
  headers: Headers,
): Promise<ReadableStream<Uint8Array>> {
  const reader = body.getReader()
  const { value } = await reader.read().catch(() => {
    throw new CallerGone()
  })
  if (value?.[0] !== DASH) {
    reader.cancel().catch(() => undefined)
    throw new Problem('malformed_json', { detail: 'The body is not the form that its media type says.' })
  }
  reader.releaseLock()
  const length = Number(headers.get('Content-Length') ?? Number.NaN)
  const passed = Number.isSafeInteger(length) ? new FixedLengthStream(length) : new IdentityTransformStream()
  passOn(value, body, passed.writable).catch(() => undefined) // the reader at the other end sees the failure
  return passed.readable
}

async function passOn(first: Uint8Array, rest: ReadableStream<Uint8Array>, to: WritableStream<Uint8Array>) {
  const writer = to.getWriter()
  await writer.write(first)
  writer.releaseLock()
  await rest.pipeTo(to)
}
