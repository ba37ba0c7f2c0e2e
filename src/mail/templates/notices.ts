import type { Content } from './render.tsx'

interface NoticeData {
  /** The event as a heading, without a period. */
  readonly title: string
  readonly sentence: string
  /** An administrator did it. The owner is notified, but not from which address. */
  readonly byAdministrator?: true
  /** Whether the reader can no longer sign in, and so cannot set a new password either. */
  readonly isOut?: true
}

/** Every notice that an account's owner gets without asking: changes to how they sign in (ASVS 6.3.7). */
export const NOTICES = {
  password_changed: {
    title: 'Your password was changed',
    sentence: 'The password of your account was changed. All other devices were signed out.',
  },
  password_reset: {
    title: 'Your password was reset',
    sentence:
      'The password of your account was reset with a link that was sent to this address. All devices were signed out.',
  },
  password_reset_first: {
    title: 'Your password was reset',
    sentence:
      'The password of your account was reset with a link that was sent to this address, which nobody had confirmed before. Everything created under it until then was removed, because someone else may have created it: a second factor, passkeys, API keys, webhook endpoints, other members and open invitations of its organizations, and its membership of organizations that it does not own. All devices were signed out.',
  },
  email_change_requested: {
    title: 'A new email address was requested',
    sentence:
      'Someone signed in to your account asked to use another email address for it. Nothing changes until that address is confirmed.',
  },
  email_changed: {
    title: 'Your email address was changed',
    sentence: 'Your account now uses another email address. You can no longer sign in with this one.',
    isOut: true,
  },
  two_factor_enabled: {
    title: 'Two-factor authentication was enabled',
    sentence: 'Signing in to your account now requires a second factor as well.',
  },
  two_factor_disabled: {
    title: 'Two-factor authentication was disabled',
    sentence: 'Signing in to your account no longer requires a second factor.',
  },
  identity_linked: {
    title: 'Another way to sign in was added',
    sentence: 'An account at an identity provider now signs in to your account. Your list of ways to sign in names it.',
  },
  identity_unlinked: {
    title: 'A way to sign in was removed',
    sentence:
      'An account at an identity provider no longer signs in to your account. All other devices were signed out.',
  },
  passkey_added: {
    title: 'A passkey was added',
    sentence: 'A new passkey now signs in to your account. Your list of ways to sign in names it.',
  },
  passkey_removed: {
    title: 'A passkey was removed',
    sentence: 'A passkey no longer signs in to your account. All other devices were signed out.',
  },
  backup_codes_renewed: {
    title: 'New backup codes were created',
    sentence: 'New backup codes replaced the old ones of your account, which no longer work.',
  },
  backup_code_used: {
    title: 'A backup code was used',
    sentence: 'Someone signed in to your account with one of its backup codes. Each code works once.',
  },
  two_factor_locked: {
    title: 'Too many wrong codes',
    sentence:
      'Someone who knows your password entered too many wrong codes. The second factor is locked for a while. If it was not you, change your password.',
  },
  session_stolen: {
    title: 'One of your devices was signed out',
    sentence:
      'A refresh token of your account was used again after it had been replaced. Someone may have copied it, so this session was ended. Your other sessions were not. This can also happen if your device lost its connection while it renewed the session.',
  },
  application_ended: {
    title: 'An application lost its access',
    sentence:
      'A token of an application that you had given access to was used again after it had been replaced. Someone may have copied it, so the application lost its access. This can also happen if the application lost its connection while it renewed its access. You can give it access again.',
  },
  account_deleted: {
    title: 'Your account was deleted',
    sentence: 'Your account was deleted by someone who knew its password.',
    isOut: true,
  },
  account_deleted_by_admin: {
    title: 'Your account was deleted',
    sentence: 'An administrator of the service deleted your account.',
    byAdministrator: true,
  },
  account_disabled: {
    title: 'Your account was disabled',
    sentence: 'An administrator of the service disabled your account. Nobody can sign in to it.',
    byAdministrator: true,
  },
  account_enabled: {
    title: 'Your account was enabled again',
    sentence: 'An administrator of the service enabled your account again. You can sign in as before.',
    byAdministrator: true,
  },
  sessions_ended_by_admin: {
    title: 'You were signed out',
    sentence: 'An administrator of the service signed out all devices of your account.',
    byAdministrator: true,
  },
  support_session: {
    title: 'Support opened your account',
    sentence:
      'An administrator of the service opened your account to help you, for 15 minutes at most. Your password, keys and security settings cannot be changed that way.',
    byAdministrator: true,
  },
  two_factor_reset_by_admin: {
    title: 'Two-factor authentication was removed',
    sentence: 'An administrator of the service removed the second factor from your account. Set it up again.',
    byAdministrator: true,
  },
} as const satisfies Record<string, NoticeData>

export type NoticeKind = keyof typeof NOTICES

interface Circumstances {
  readonly service: string
  readonly name: string | null
  /** Unix milliseconds. */
  readonly at: number
  readonly ip: string | undefined
}

/** The notice to an account's owner: what happened, when, from where, and what to do if it was not them. */
export function noticeFor(kind: NoticeKind, { service, name, at, ip }: Circumstances): Content {
  const { title, sentence, byAdministrator, isOut }: NoticeData = NOTICES[kind]
  const time = `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const where = ip && !byAdministrator ? `, from the network address ${ip}` : ''
  return {
    subject: `${title} (${service})`,
    name,
    paragraphs: [sentence, `This was on ${time}${where}.`],
    closing: [
      byAdministrator
        ? `If you do not know why, ask the people who run ${service}.`
        : `If it was you, there is nothing to do. If it was not, ${isOut ? '' : 'set a new password at once and '}tell the people who run ${service}.`,
    ],
  }
}
