/** The mark of Tollgate: a gate with two bars. It takes the color of the text. */
export function Mark({ className = 'size-5' }: { readonly className?: string }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden className={className} fill="currentColor">
      <path d="M2 2h2.5v12H2zM11.5 2H14v12h-2.5zM4.5 5.2l7-1.7v2.3l-7 1.7zM4.5 9.7h7V12h-7z" />
    </svg>
  )
}
