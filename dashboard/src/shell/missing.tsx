import { Page } from '../ui/layout.tsx'
import { Link, textLink } from '../ui/link.tsx'

/** For an address that is no screen. */
export function Missing() {
  return (
    <Page title="Screen not found">
      <p>
        The address may be mistyped, or the item was deleted.{' '}
        <Link to="/" className={textLink}>
          Go to the overview
        </Link>
      </p>
    </Page>
  )
}
