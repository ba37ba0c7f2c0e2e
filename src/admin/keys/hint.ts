/**
 * A hint as a person gives it: `ck_live_8Q…x9Kd` as it is shown, also with three dots, or one of its ends alone.
 *
 * @returns the first characters, and the last ones where the text has the dots between them
 */
export function readHint(text: string): { readonly start: string; readonly end?: string } {
  const [start = '', ...rest] = text.split(/…|\.\.\./)
  return rest.length === 0 ? { start } : { start, end: rest.join('') }
}
