import { Method } from './operation.tsx'
import { type Operation, toAnchor } from './operations.ts'

/** Links to everything on the page. Folded on a narrow screen, a column on a wide one. */
export function Contents({ tags }: { readonly tags: ReadonlyMap<string, readonly Operation[]> }) {
  return (
    <nav aria-label="Contents">
      <Search />
      <details>
        <summary>Contents</summary>
        <div class="group">
          <ul>
            <Entry id="top" text="Introduction" />
            <Entry id="authentication" text="Authentication" />
          </ul>
        </div>
        {[...tags].map(([tag, operations]) => (
          <div class="group">
            <p>
              <a href={`#${toAnchor('tag', tag)}`}>{tag}</a>
            </p>
            <ul class="entries">
              {operations.map(({ id, method, summary }) => (
                <li>
                  <a href={`#${id}`}>
                    <Method name={method} /> <span>{summary}</span>
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
        <div class="group">
          <p>Reference</p>
          <ul>
            <Entry id="roles" text="Roles" />
            <Entry id="problems" text="Problems" />
          </ul>
        </div>
      </details>
    </nav>
  )
}

/** Hidden until the script runs, which does the search. */
function Search() {
  return (
    <search class="search" hidden>
      <label>
        <span class="unseen">Search operations, fields and problems</span>
        <input type="search" placeholder="Search" autocomplete="off" spellcheck={false} aria-keyshortcuts="/" />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <output aria-live="polite" />
    </search>
  )
}

function Entry({ id, text }: { readonly id: string; readonly text: string }) {
  return (
    <li>
      <a href={`#${id}`}>{text}</a>
    </li>
  )
}
