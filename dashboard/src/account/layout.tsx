import { type ReactNode, useEffect } from 'react'
import { Mark } from '../ui/mark.tsx'

/** One column with a heading, as on every screen for people who are not signed in. */
export function AccountLayout({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tollgate`
  }, [title])
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-96 flex-col gap-6 px-4 py-[12vh]">
      <div className="flex items-center gap-2 text-base font-medium">
        <Mark /> Tollgate
      </div>
      <h1 className="text-large">{title}</h1>
      {children}
    </main>
  )
}

export const linkClass = 'text-accent underline underline-offset-2 hover:no-underline'
