import { Page } from '../ui/layout.tsx'
import { Link, textLink } from '../ui/link.tsx'

/** For an address that is no screen. */
export function Missing() {
  return (
    <Page title="There is no such screen">
      <p>
        The address may be mistyped, or the thing was deleted.{' '}
        <Link to="/" className={textLink}>
          Go to the overview
        </Link>
      </p>
    </Page>
  )
}
