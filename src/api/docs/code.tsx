/** A block of code that scrolls within itself, also by keyboard. */
export function Code({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <figure class="code">
      <figcaption>{title}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse */}
      <pre tabindex={0}>
        <code>{text.split(TOKENS).map((part, at) => (at % 2 === 1 ? <Token text={part} /> : part))}</code>
      </pre>
    </figure>
  )
}

/** Highlighted tokens: variables to fill in, and field names. */
const TOKENS = /(\$[A-Z_]+|"\w+"(?=:))/

function Token({ text }: { readonly text: string }) {
  return text.startsWith('$') ? <var>{text}</var> : <span class="key">{text}</span>
}
