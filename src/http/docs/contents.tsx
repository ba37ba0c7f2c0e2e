import { Method } from './operation.tsx'
import { anchorOf, type Operation } from './operations.ts'

/** Links to everything on the page. Folded on a narrow screen, a column of its own on a wide one. */
export function Contents({ tags }: { readonly tags: ReadonlyMap<string, readonly Operation[]> }) {
  return (
    <nav aria-label="Contents">
      <details>
        <summary>Contents</summary>
        <ul>
          <Entry id="top" text="Introduction" />
          <Entry id="authentication" text="Authentication" />
        </ul>
        {[...tags].map(([tag, operations]) => (
          <>
            <p>
              <a href={`#${anchorOf('tag', tag)}`}>{tag}</a>
            </p>
            <ul>
              {operations.map(({ id, method, summary }) => (
                <li>
                  <a href={`#${id}`}>
                    <Method name={method} /> <span>{summary}</span>
                  </a>
                </li>
              ))}
            </ul>
          </>
        ))}
        <p>Reference</p>
        <ul>
          <Entry id="roles" text="Roles" />
          <Entry id="problems" text="Problems" />
        </ul>
      </details>
    </nav>
  )
}

function Entry({ id, text }: { readonly id: string; readonly text: string }) {
  return (
    <li>
      <a href={`#${id}`}>{text}</a>
    </li>
  )
}
