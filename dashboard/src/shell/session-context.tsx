import { createContext, useContext } from 'react'
import type { User } from '../api/types.ts'

/** Who looks at the page, and what they may do in the active organization. */
export interface Session {
  /** Undefined where a customer came by a portal link. */
  readonly user: User | undefined
  readonly organizationId: string
  readonly permissions: readonly string[]
  readonly isAdministrator: boolean
  /** A requirement of the active organization that the user does not meet. */
  readonly unmet: User['unmet_requirement']
}

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('There is no session above this component.')
  return session
}

/** Whether the present user has a permission in the active organization. The server decides; the page only hides. */
export function useMay(permission: string): boolean {
  return useSession().permissions.includes(permission)
}
