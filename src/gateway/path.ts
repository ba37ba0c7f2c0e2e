/** What upstreams may read in a path. They decode it, and each in its own way. Pure. */

/** An escape of an ASCII character, however often the percent sign was encoded again. */
const ESCAPE = /%(?:25)*([0-7][\da-f])/gi
/** What follows is a parameter of a segment (RFC 3986 §3.3), which Java's servers leave out, or what would be no path any more. */
const PARAMETER = /[;?#][^/]*/g
const RAW_PARAMETER = /(?:;|%(?:25)*3b)[^/]*/gi
const DOT_SEGMENT = /(^|\/)\.{1,2}([;?#][^/]*)?(\/|$)/
/** Windows leaves them out at the end of a name. Only the first dot of a run begins a match, so that the time is linear. */
const LAST_DOTS = /(?<!\.)\.+$/

/** Spaces and control characters vanish, as they do at the end of a name on Windows. */
function toCharacter(_: string, code: string): string {
  const unit = Number.parseInt(code, 16)
  return unit <= 0x20 ? '' : String.fromCharCode(unit)
}

/** Twice, because a digit of an escape may be escaped as well. */
const decode = (path: string) =>
  path.includes('%') ? path.replaceAll(ESCAPE, toCharacter).replaceAll(ESCAPE, toCharacter).replaceAll('\\', '/') : path

/** Whether a path leads elsewhere once its upstream decodes it. `..` itself was resolved when the URL was parsed. */
export function leavesItsPlace(path: string): boolean {
  if (!path.includes('%') && !path.includes(';')) return false
  return DOT_SEGMENT.test(decode(path)) || DOT_SEGMENT.test(decode(path.replaceAll(RAW_PARAMETER, '')))
}

/** The same for every spelling of a path: decoded, in lower case, without parameters, empty segments and dots at the end of one. */
export function simplifyPath(path: string): string {
  const segments = decode(path).replaceAll(PARAMETER, '').split('/')
  return `/${segments
    .map((one) => one.replace(LAST_DOTS, ''))
    .filter(Boolean)
    .join('/')}`.toLowerCase()
}

/** The paths that upstreams may read: some leave out parameters before they decode, others afterwards. Simplified. */
export const listReadings = (path: string): readonly string[] => [
  simplifyPath(path),
  simplifyPath(path.replaceAll(RAW_PARAMETER, '')),
]

/** Whether there is only one way to read a path, apart from the case of its letters. */
export const isPlain = (path: string) => !/[%;]|\/\//.test(path)
