import { useEffect } from 'react'

/** What keeps the keyboard to itself while it is open. */
const LAYERS = '[role=dialog]:not([aria-modal=false]), [role=alertdialog], [role=menu], [role=listbox]'

const IS_APPLE = /mac|iphone|ipad/i.test(navigator.platform)

/** How shortcuts with a modifier are written. */
export const MODIFIER_NAME = IS_APPLE ? '⌘' : 'Ctrl'

/** Whether a press is meant for the system's own modifier: of the others, some belong to the editing of text. */
export const hasModifier = ({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean =>
  !altKey && (IS_APPLE ? metaKey && !ctrlKey : ctrlKey && !metaKey)

/** Whether a press belongs to a field that is being typed in. */
function isTyping({ target, isComposing }: KeyboardEvent): boolean {
  if (isComposing) return true
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** Calls back for presses that are meant for the whole page: not while typing, and not under an open dialog or menu. */
export function useShortcut(press: (event: KeyboardEvent) => void): void {
  useEffect(() => {
    function listen(event: KeyboardEvent): void {
      if (event.defaultPrevented || isTyping(event) || document.querySelector(LAYERS)) return
      press(event)
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [press])
}
