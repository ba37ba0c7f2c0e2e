import { type ComponentType, lazy } from 'react'
import { Button } from './button.tsx'
import { Notice } from './notice.tsx'

/**
 * A part of the page whose file is loaded when it is first shown, below a `Suspense`. If the file does not arrive, a notice
 * stands in its place and the rest of the page stays, with what was typed into it.
 */
export const lazyPart = <Props extends object>(load: () => Promise<ComponentType<Props>>) =>
  lazy(async (): Promise<{ default: ComponentType<Props> }> => ({ default: await load().catch(() => NotLoaded) }))

/** A browser may remember that a file failed: only another page tries again. */
const NotLoaded = () => (
  <Notice kind="bad">
    <p>A part of the dashboard could not be loaded. Check your connection, then reload the page.</p>
    <Button className="mt-2" onClick={() => location.reload()}>
      Reload page
    </Button>
  </Notice>
)
