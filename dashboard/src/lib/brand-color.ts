/** Colors as red, green and blue from 0 to 255. */
type Rgb = readonly [red: number, green: number, blue: number]

const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]
/** What text in the accent color stands on, in each theme; see styles.css. The strictest grounds are enough. */
const GROUNDS = { light: ['#ffffff', '#eef0f4'], dark: ['#0f1217', '#20262f', '#1a1f28'] } as const
/** The text on the accent color, in each theme. */
const INKS = { light: '#ffffff', dark: '#0f1217' } as const
const SOFT_SHARE = 0.1
const NEEDED = 4.5
const STEPS = 50

function parse(hex: string): Rgb {
  const digits = hex.slice(1)
  const full = digits.length === 3 ? digits.replaceAll(/./g, '$&$&') : digits
  return [0, 2, 4].map((at) => Number.parseInt(full.slice(at, at + 2), 16)) as unknown as Rgb
}

const format = (color: Rgb): string =>
  `#${color.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`

const mix = (from: Rgb, to: Rgb, share: number): Rgb =>
  from.map((part, at) => part + ((to[at] ?? 0) - part) * share) as unknown as Rgb

/** The relative luminance (WCAG 2.2). */
function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as unknown as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The contrast of two colors (WCAG 2.2), from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(parse(one)), luminance(parse(other))]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

export interface Accent {
  readonly accent: string
  /** Text on the accent color. */
  readonly ink: string
  /** A light ground for text in the accent color. */
  readonly soft: string
}

/**
 * An accent that is as near to a brand's color as text allows: it is darkened or lightened until every text with it has a
 * contrast of 4.5 (WCAG 2.2, 1.4.3).
 */
export function toAccent(hex: string, theme: 'light' | 'dark'): Accent {
  const [away, ground] = theme === 'light' ? [BLACK, WHITE] : [WHITE, parse(GROUNDS.dark[0])]
  for (let step = 0; step <= STEPS; step++) {
    const color = mix(parse(hex), away, step / STEPS)
    const found = { accent: format(color), ink: INKS[theme], soft: format(mix(ground, color, SOFT_SHARE)) }
    const grounds = [...GROUNDS[theme], found.soft, found.ink]
    if (grounds.every((one) => contrast(found.accent, one) >= NEEDED)) return found
  }
  return { accent: format(away), ink: INKS[theme], soft: format(ground) }
}
