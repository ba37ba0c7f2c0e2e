import { useSyncExternalStore } from 'react'

/** Whether shortcuts of single keys are on in this browser. Speech input presses them by accident (WCAG 2.1.4). */
const KEY = 'single-key-shortcuts'

const listeners = new Set<() => void>()
/** Where storage is blocked, a choice holds until the page is left. */
let isOn = read()

function read(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off'
  } catch {
    return true
  }
}

export function setSingleKeys(next: boolean): void {
  isOn = next
  try {
    localStorage.setItem(KEY, next ? 'on' : 'off')
  } catch {
    // storage is blocked
  }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useSingleKeys = (): boolean => useSyncExternalStore(subscribe, () => isOn)
