import { useQueryClient } from '@tanstack/react-query'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { ApiError } from '../api/problem.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { Page } from '../ui/layout.tsx'
import { Link } from '../ui/link.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'

/** What browsers say when a screen's file does not arrive: Chromium, Firefox, Safari. */
const FILE_IS_MISSING = /dynamically imported module|importing a module script failed/i

/** In the place of a screen that could not be shown. The side bar still works. */
export function Failed({ error: thrown, reset }: ErrorComponentProps) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const router = useRouter()
  const client = useQueryClient()

  function tryAgain() {
    if (isFileMissing(error)) return location.reload() // a browser may remember that it failed
    client.removeQueries() // an answer that could not be shown
    reset()
    return void router.invalidate()
  }

  return (
    <Page title="This screen could not be shown">
      {error instanceof ApiError ? <ErrorNotice error={error} /> : <Notice kind="bad">{describe(error)}</Notice>}
      <div className="flex flex-wrap gap-2">
        <Button look="primary" onClick={tryAgain}>
          Try again
        </Button>
        <Link to="/" className={buttonClass()}>
          Go to the overview
        </Link>
      </div>
    </Page>
  )
}

const isFileMissing = (error: Error) => FILE_IS_MISSING.test(error.message)

function describe(error: Error) {
  if (isFileMissing(error)) return 'A part of the dashboard could not be loaded. Check your connection and try again.'
  return (
    <>
      <p>Something went wrong while displaying the screen. Your data is not affected.</p>
      <p className="text-small text-muted wrap-anywhere">
        {error.name}: {error.message}
      </p>
    </>
  )
}
