/** The markdown that the document's texts are written in: paragraphs and `code`. Everything else is text. */

/** Paragraphs, as blank lines part them. */
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

/** One run of text; what stands between backticks is code. */
export function Inline({ text }: { readonly text: string }) {
  return <>{text.split(/`([^`]+)`/).map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part))}</>
}

/** A name or path that may break after its dots, slashes and underscores, where a narrow column needs it. */
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
