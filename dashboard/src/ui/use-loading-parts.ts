import { useLayoutEffect, useRef } from 'react'

/**
 * Marks the parts of a page that are still loading, for styles.css. `:has(.skeleton)` would say the same, but Chromium does
 * not always look again when the last skeleton goes while a dialog opens, and what follows stays hidden.
 */
export function useLoadingParts() {
  const page = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const { current } = page
    if (!current) return undefined
    function mark(): void {
      for (const part of current?.children ?? [])
        part.toggleAttribute('data-loading', part.querySelector('.skeleton') !== null)
    }
    mark()
    const observer = new MutationObserver(mark)
    observer.observe(current, { childList: true, subtree: true })
    return () => observer.disconnect()
  }, [])
  return page
}
