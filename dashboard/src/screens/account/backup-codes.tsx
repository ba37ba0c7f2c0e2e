import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Notice } from '../../ui/notice.tsx'
import { useSecretGuard } from '../shared/use-secret-guard.tsx'
import { download } from './download.ts'

interface BackupCodesProps {
  readonly codes: readonly string[]
  readonly title: string
  readonly onClose: () => void
}

/** The backup codes, the only time that they are shown. */
export function BackupCodes({ codes, title, onClose }: BackupCodesProps) {
  const text = codes.join('\n')
  const { close, onCopied, question } = useSecretGuard('backup codes', { onClose })
  function save(): void {
    download('tollgate-backup-codes.txt', new Blob([`${text}\n`], { type: 'text/plain' }))
    onCopied()
  }
  return (
    <Dialog open onClose={close} title={title} closesOutside={false}>
      <p>
        Each code signs you in once if you have neither your authenticator app nor a passkey. Keep the codes where only
        you can read them.
      </p>
      <ul
        aria-label="Backup codes"
        onCopy={onCopied}
        className="grid grid-cols-2 gap-x-4 gap-y-1 rounded-md border border-line bg-surface p-3 font-mono text-small"
      >
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <Notice kind="warn">You cannot see the codes again.</Notice>
      <Actions>
        <Button onClick={close}>Done</Button>
        <Button onClick={save}>Download codes</Button>
        <CopyButton text={text} label="Copy codes" onCopied={onCopied} autoFocus />
      </Actions>
      {question}
    </Dialog>
  )
}
