/** The subset of Markdown in the document's texts: paragraphs and `code`. Everything else is plain text. */

/** Paragraphs, separated by blank lines. */
export function Markdown({ text }: { readonly text: string | undefined }) {
  return (
    <>
      {(text ?? '').split(/\n\s*\n/).map(
        (paragraph) =>
          paragraph.trim() && (
            <p>
              <Inline text={paragraph} />
            </p>
          ),
      )}
    </>
  )
}

/** One run of text; text between backticks is code. */
export function Inline({ text }: { readonly text: string }) {
  return <>{text.split(/`([^`]+)`/).map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part))}</>
}

/** A name or path that may break after dots, slashes and underscores in a narrow column. */
export function Name({ text }: { readonly text: string }) {
  const parts = text.split(/(?<=[_./])/)
  return (
    <>
      {parts.map((part, at) => (
        <>
          {at > 0 && <wbr />}
          {part}
        </>
      ))}
    </>
  )
}
