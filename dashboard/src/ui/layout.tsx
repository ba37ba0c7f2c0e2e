import { type ReactNode, useEffect } from 'react'
import { brandName } from '../lib/brand.ts'
import { classes } from './class.ts'
import { Skeleton } from './states.tsx'
import { useLoadingParts } from './use-loading-parts.ts'

interface PageProps {
  readonly title: string
  /** What state the thing is in, beside its name. */
  readonly state?: ReactNode
  /** One sentence below the title. */
  readonly intro?: ReactNode
  /** Where the screen belongs, above the title. */
  readonly above?: ReactNode
  /** The main action, on the right; quiet ones before it. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A screen: where am I, in what state, what can I do; then its content. */
export function Page({ title, state, intro, above, actions, children }: PageProps) {
  const parts = useLoadingParts()
  useEffect(() => {
    document.title = `${title} · ${brandName()}`
  }, [title])
  return (
    <div ref={parts} className="mx-auto flex w-full max-w-300 flex-col gap-6 px-4 py-6 md:px-8">
      <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
        <div className="min-w-0">
          {above && <div className="mb-1 text-small text-muted">{above}</div>}
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 className="min-w-0 text-large">{title}</h1>
            {state}
          </div>
          {intro && <p className="mt-1 max-w-160 text-muted">{intro}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

interface SectionProps {
  readonly title: string
  readonly intro?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A part of a screen, with a heading. */
export function Section({ title, intro, actions, children }: SectionProps) {
  return (
    <section className="flex flex-col gap-3" aria-label={title}>
      <div className="flex flex-wrap items-end justify-between gap-2">
        <div>
          <h2>{title}</h2>
          {intro && <p className="max-w-160 text-small text-muted">{intro}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </section>
  )
}

/** A framed group of content. */
export function Card({ children, className }: { readonly children: ReactNode; readonly className?: string }) {
  return <div className={classes('rounded-lg border border-line bg-raised p-4', className)}>{children}</div>
}

/** Equal columns that become one on a phone. */
export function Columns({ children, of = 2 }: { readonly children: ReactNode; readonly of?: 2 | 3 | 4 | 5 }) {
  const looks = {
    2: 'md:grid-cols-2',
    3: 'sm:grid-cols-2 md:grid-cols-3',
    4: 'grid-cols-2 md:grid-cols-4',
    5: 'grid-cols-2 md:grid-cols-5',
  } as const
  return <div className={classes('grid gap-4', looks[of])}>{children}</div>
}

interface StatProps {
  readonly label: string
  readonly value: ReactNode
  /** What it was before, or what it means. */
  readonly note?: ReactNode
}

/** One figure: the largest thing in its place. */
export function Stat({ label, value, note }: StatProps) {
  return (
    <div className="min-w-0">
      <div className="text-small text-muted">{label}</div>
      <div className="truncate text-large">{value}</div>
      {note && <div className="text-small text-muted">{note}</div>}
    </div>
  )
}

/** As high as a card of figures, while they are loaded. */
export const StatsSkeleton = () => (
  <Card>
    <Columns of={4}>
      {[1, 2, 3, 4].map((figure) => (
        <Skeleton key={figure} lines={1} height="h-15" />
      ))}
    </Columns>
  </Card>
)

/** Facts about one thing, a name and a value each. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-[minmax(8rem,12rem)_1fr]">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="font-normal text-muted">{name}</dt>
          <dd className="mb-2 min-w-0 sm:mb-0">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
