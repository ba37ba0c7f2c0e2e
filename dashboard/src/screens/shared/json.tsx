import { CodeBlock } from '../../ui/copy.tsx'

/** A value of the API as it is, for what has no words of its own. */
export const Json = ({ value, label }: { readonly value: unknown; readonly label: string }) => (
  <CodeBlock code={JSON.stringify(value, null, 2)} label={label} />
)
