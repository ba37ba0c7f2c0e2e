import { Link as RouterLink, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'

interface LinkProps {
  /** A screen's path below /dashboard, such as `/keys/123`, also with filters: `/keys?status=revoked`. */
  readonly to: string
  readonly search?: Readonly<Record<string, string>>
  readonly className?: string
  readonly children: ReactNode
  readonly onClick?: () => void
  readonly 'aria-current'?: 'page' | undefined
  readonly 'aria-label'?: string
}

/** A link to another screen, without loading the page again. */
export function Link({ to, search, children, ...rest }: LinkProps) {
  return (
    <RouterLink {...target(to, search)} {...rest}>
      {children}
    </RouterLink>
  )
}

/** A path and its filters apart, as the router takes them. */
function target(to: string, search: Readonly<Record<string, string>> = {}) {
  const [path = '', query] = to.split('?')
  return { to: path, search: { ...Object.fromEntries(new URLSearchParams(query)), ...search } }
}

/** @returns a function that goes to a screen */
export function useGo() {
  const navigate = useNavigate()
  return (to: string, search?: Readonly<Record<string, string>>) => void navigate(target(to, search))
}

export const textLink = 'text-accent underline underline-offset-2 hover:no-underline'
