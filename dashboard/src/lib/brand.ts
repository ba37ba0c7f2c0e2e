import { toAccent } from './brand-color.ts'

let name = 'Tollgate'

/** Whose page this is, in titles. */
export const brandName = (): string => name

interface Branding {
  readonly name: string | null
  readonly color: string | null
}

/** Gives the page the operator's name and color. */
export function applyBranding(branding: Branding): void {
  name = branding.name ?? name
  if (!branding.color) return
  const [light, dark] = [toAccent(branding.color, 'light'), toAccent(branding.color, 'dark')]
  const { style } = document.documentElement
  style.setProperty('--accent', `light-dark(${light.accent}, ${dark.accent})`)
  style.setProperty('--accent-ink', `light-dark(${light.ink}, ${dark.ink})`)
  style.setProperty('--accent-soft', `light-dark(${light.soft}, ${dark.soft})`)
}
