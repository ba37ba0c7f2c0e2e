import { useNavigate, useSearch } from '@tanstack/react-router'

type SearchState = Readonly<Record<string, string>>

/**
 * Keeps filters, range and tab in the address, so that links and the back button restore them. A value that equals its
 * default is left out of the address.
 *
 * @returns the values, and a function that changes some of them
 */
export function useSearchState<State extends SearchState>(defaults: State): [State, (change: Partial<State>) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>
  const navigate = useNavigate()
  const given = Object.keys(defaults).flatMap((name) =>
    typeof search[name] === 'string' || typeof search[name] === 'number' ? [[name, String(search[name])]] : [],
  )
  const state = { ...defaults, ...Object.fromEntries(given) } as State
  function change(changed: Partial<State>): void {
    const next = { ...state, ...changed } as Record<string, string>
    const kept = Object.entries(next).filter(([name, value]) => value !== '' && value !== defaults[name])
    void navigate({ to: '.', search: Object.fromEntries(kept), replace: true })
  }
  return [state, change]
}
