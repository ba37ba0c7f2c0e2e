/** Pure arithmetic of axes. */

const STEPS = [1, 2, 2.5, 5, 10]

/**
 * Round values for an axis that starts at zero.
 *
 * @param most the largest value that is shown
 * @param isWhole whether all values are whole numbers: then the axis has only whole numbers as well
 * @param count about how many values there are, without zero
 * @returns rising values from zero; the last is at least `most`
 */
export function axisTicks(most: number, isWhole = false, count = 4): number[] {
  if (!(most > 0)) return [0, 1]
  const rough = Math.max(most / count, isWhole ? 1 : 0)
  const power = 10 ** Math.floor(Math.log10(rough))
  const fits = (one: number) => one * power >= rough * (1 - 1e-9) && (!isWhole || Number.isInteger(one * power))
  const step = (STEPS.find(fits) ?? 10) * power
  const last = Math.ceil(most / step - 1e-9)
  return Array.from({ length: last + 1 }, (_, at) => Number((at * step).toPrecision(12)))
}

/** @returns which of `length` labels fit where at most `room` do: about evenly spread, the first among them */
export function visibleLabels(length: number, room: number): (at: number) => boolean {
  const every = Math.max(1, Math.ceil(length / Math.max(1, room)))
  return (at) => at % every === 0
}
