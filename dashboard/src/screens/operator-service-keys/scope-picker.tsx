import { PLATFORM_SCOPES } from '../../api/words.ts'
import { Choice, Fieldset } from '../../ui/field.tsx'

interface ScopePickerProps {
  readonly scopes: readonly string[]
  readonly onChange: (scopes: readonly string[]) => void
  readonly error?: string | undefined
}

/** `platform:*`, `platform:keys:*` and others: each stands for all scopes that begin so. */
const WILDCARDS = ['platform:*', ...groups().map((group) => `${group}:*`)]

function groups(): string[] {
  const parents = Object.keys(PLATFORM_SCOPES).map((scope) => scope.split(':').slice(0, -1).join(':'))
  return [...new Set(parents.filter((parent) => parent !== 'platform' && count(parents, parent) > 1))]
}

function count(list: readonly string[], value: string): number {
  return list.filter((one) => one === value).length
}

const covers = (wildcard: string, scope: string) => wildcard.endsWith('*') && scope.startsWith(wildcard.slice(0, -1))

/** Chooses what a back end may do. A scope that a wildcard covers is ticked with it. */
export function ScopePicker({ scopes, onChange, error }: ScopePickerProps) {
  function toggle(scope: string): void {
    if (scopes.includes(scope)) return onChange(scopes.filter((one) => one !== scope))
    onChange([...scopes.filter((one) => !covers(scope, one)), scope])
  }
  const isCovered = (scope: string) => scopes.some((one) => one !== scope && covers(one, scope))
  const all = [
    ...WILDCARDS.map((wildcard) => [wildcard, describe(wildcard)] as const),
    ...Object.entries(PLATFORM_SCOPES),
  ]
  return (
    <Fieldset legend="Scopes" hint="What the back end may do. Choose only what it needs.">
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
      {all.map(([scope, meaning]) => (
        <Choice
          key={scope}
          label={<code className="font-mono text-small">{scope}</code>}
          hint={meaning}
          checked={scopes.includes(scope) || isCovered(scope)}
          disabled={isCovered(scope)}
          onChange={() => toggle(scope)}
        />
      ))}
    </Fieldset>
  )
}

const describe = (wildcard: string) =>
  wildcard === 'platform:*' ? 'All of them, including those in later versions.' : `All of ${wildcard.slice(0, -2)}.`
