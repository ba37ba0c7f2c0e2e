/** The first words of a warning that does not apply here: `npm run dev` runs the jobs itself. */
const WRONG_ADVICE = 'Scheduled Workers are not automatically triggered'

/**
 * Decides which lines of wrangler's standard error are worth showing. A warning is a paragraph: its first line has a mark, the
 * others are blank or indented.
 */
export function createAdviceFilter(): (line: string) => boolean {
  let isDropping = false
  return function isWorthShowing(line) {
    if (line.includes(WRONG_ADVICE)) isDropping = true
    else if (/^\S/.test(line)) isDropping = false
    return !isDropping
  }
}
