/** The emails by which an account's owner proves their address. None repeats text that somebody else entered. */
import type { Content } from './render.tsx'

interface Link {
  readonly service: string
  /** With the token in its fragment, which no server ever sees. */
  readonly url: string
}

export function verifyAddress({ service, url }: Link): Content {
  return {
    subject: `Confirm your email address for ${service}`,
    paragraphs: [`An account at ${service} was created with this email address. Confirm that it is yours.`],
    action: { label: 'Confirm the address', url },
    closing: [
      'The link works once, for 24 hours, in a browser that is signed in to the account, or with its password. If you did not create an account, ignore this email.',
    ],
  }
}

export function resetPassword({ service, url }: Link): Content {
  return {
    subject: `Set a new password for ${service}`,
    paragraphs: [`Someone, probably you, asked to set a new password for your account at ${service}.`],
    action: { label: 'Set a new password', url },
    closing: [
      'The link works once, for 10 minutes. A newer one replaces it.',
      'If it was not you, ignore this email. Your password does not change.',
    ],
  }
}

/** For the owner of an address who wants to sign in by email, while the account with this address is unconfirmed. */
export function confirmOrReset({ service, url }: Link): Content {
  return {
    subject: `Confirm your email address before you sign in to ${service}`,
    paragraphs: [
      `Someone, probably you, asked to sign in to ${service} by email. There is an account with this address, but nobody has confirmed the address.`,
      'If you created that account, confirm the address. After that, ask to sign in again.',
      'If you did not, someone else created it. Reset its password instead, on the sign-in page. That removes everything that was created in the account.',
    ],
    action: { label: 'Confirm the address', url },
    closing: [
      'The link works once, for 24 hours, in a browser that is signed in to the account, or with its password.',
    ],
  }
}

interface SignInMail {
  readonly service: string
  /** Typed on the page that asked for it. */
  readonly code?: string
  /** Opened in the browser that asked for it. */
  readonly url?: string
}

export function signInByEmail({ service, code, url }: SignInMail): Content {
  return {
    subject: code ? `${code} signs you in to ${service}` : `Sign in to ${service}`,
    paragraphs: [
      code
        ? `Enter this code on the page where you started to sign in to ${service}.`
        : `Open this link in the browser where you started to sign in to ${service}.`,
    ],
    ...(code && { code }),
    ...(url && { action: { label: 'Sign in', url } }),
    closing: [
      `The ${code ? 'code' : 'link'} works once, for 10 minutes, and only there. Nobody who works for ${service} will ask you for it.`,
      'If it was not you, ignore this email. Nobody is signed in.',
    ],
  }
}

export function welcome({ service, url }: Link): Content {
  return {
    subject: `Your account at ${service}`,
    paragraphs: [`An account at ${service} was created for you. Set a password to sign in.`],
    action: { label: 'Set a password', url },
    closing: ['The link works once, for 24 hours. After that, ask for a new password on the sign-in page.'],
  }
}

export function confirmNewAddress({ service, url }: Link): Content {
  return {
    subject: `Confirm your new email address for ${service}`,
    paragraphs: [`The owner of an account at ${service} wants to use this email address for it from now on.`],
    action: { label: 'Use this address', url },
    closing: [
      'The link works once, for 1 hour, in a browser that is signed in to the account or with the account’s password. If it was not you, ignore this email.',
    ],
  }
}

/** The same if an account has the address, although nobody ever confirmed it: using the link disables that account. */
export function confirmHeldAddress(link: Link): Content {
  const { paragraphs, ...rest } = confirmNewAddress(link)
  return {
    ...rest,
    paragraphs: [
      ...paragraphs,
      'Another account was registered with this address and never confirmed. If you use the link, that account is disabled, and its API keys stop working.',
    ],
  }
}

/** For the owner of an address that somebody tried to register again, or to move another account to. */
export function addressInUse({ service }: Pick<Link, 'service'>): Content {
  return {
    subject: `Your email address already has an account at ${service}`,
    paragraphs: [
      `Someone tried to register with your email address at ${service}, or to use it for another account.`,
      'The address already has an account, so nothing was changed.',
      'If it was you, sign in as usual, or reset your password if you forgot it.',
      'If it was not you, you do not need to do anything.',
    ],
  }
}
