/**
 * Parses a hint that a person entered: `ck_live_8Q…x9Kd` as displayed, or with three dots, or just its start or its end.
 *
 * @returns the first characters, and also the last ones if the text has dots in between
 */
export function readHint(text: string): { readonly start: string; readonly end?: string } {
  const [start = '', ...rest] = text.split(/…|\.\.\./)
  return rest.length === 0 ? { start } : { start, end: rest.join('') }
}
