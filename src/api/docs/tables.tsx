/** Tables of a request's and an answer's fields, and the list of an operation's problems. */
import type { Field } from './fields.ts'
import { Inline, Name } from './markdown.tsx'
import type { Failure } from './operations.ts'

interface FieldTableProps {
  readonly fields: readonly Field[]
  readonly caption: string
  /** An answer requires nothing of the reader, so only fields that may be absent are marked. */
  readonly isAnswer?: boolean
}

/** Fields: name and type on the left, their details on the right. */
export function FieldTable({ fields, caption, isAnswer = false }: FieldTableProps) {
  return (
    <table class="fields">
      <caption class="unseen">{caption}</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">Field and type</th>
          <th scope="col">Meaning and limits</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <FieldRow field={field} isAnswer={isAnswer} />
        ))}
      </tbody>
    </table>
  )
}

function FieldRow({ field, isAnswer }: { readonly field: Field; readonly isAnswer: boolean }) {
  const { within, name, type, isRequired, limits, preset, description } = field
  const note = isAnswer ? !isRequired && 'may be absent' : isRequired ? 'required' : 'optional'
  return (
    <tr>
      <th scope="row">
        <code>
          {within && (
            <span class="within">
              <Name text={within} />
              <wbr />
            </span>
          )}
          <Name text={name} />
        </code>
        <span class="type">{type}</span>
      </th>
      <td>
        {note && <span class={`note ${isRequired ? 'must' : ''}`}>{note}</span>}
        {description && <Inline text={` ${description}`} />}
        <Limits phrases={limits} preset={preset} />
      </td>
    </tr>
  )
}

function Limits({ phrases, preset }: { readonly phrases: readonly string[]; readonly preset: string | undefined }) {
  const words = preset === undefined ? phrases : [...phrases, `default \`${preset}\``]
  return words.length > 0 ? (
    <span class="limits">
      <Inline text={sentence(words)} />
    </span>
  ) : null
}

function sentence(phrases: readonly string[]): string {
  const text = phrases.join('; ')
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`
}

/** How an operation can fail: each status with its codes, which link to their descriptions. */
export function Failures({ failures }: { readonly failures: readonly Failure[] }) {
  return (
    <ul class="failures">
      {failures.map(({ status, codes, description }) => (
        <li>
          <Status code={status} />
          {codes.length === 0 && <Inline text={description} />}
          {codes.map((code) => (
            <a href={`#${code}`}>
              <code>{code}</code>
            </a>
          ))}
        </li>
      ))}
    </ul>
  )
}

/** An HTTP status, colored by its class. */
export function Status({ code }: { readonly code: string | number }) {
  return <span class={`status s${String(code)[0]}`}>{code}</span>
}
