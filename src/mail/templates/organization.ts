/** Mails about organizations. Names that somebody chose are repeated only where they cannot be read as an address. */
import { type Content, quotable } from './render.tsx'

interface Invitation {
  readonly service: string
  readonly organization: string
  readonly role: string
  /** The name of who invites, as far as they have one. */
  readonly inviter: string | null
  /** With the token in its fragment, which no server ever sees. */
  readonly url: string
}

export function invitation({ service, organization, role, inviter, url }: Invitation): Content {
  const who = quotable(inviter) ?? 'A member'
  const where = quotable(organization)
  return {
    subject: `You are invited to ${where ?? 'an organization'} at ${service}`,
    paragraphs: [
      `${who} of ${where ? `the organization ${where}` : 'an organization'} at ${service} invites you to join it, with the role ${role}.`,
    ],
    action: { label: 'Accept the invitation', url },
    closing: [
      'The link works once, for 7 days. It needs no account: one is made when you accept, unless you have one already.',
      'If you do not know what this is about, do nothing.',
    ],
  }
}

interface NoticeData {
  /** What happened, with the organization's name in it, without a full stop. */
  readonly title: (organization: string) => string
  readonly sentence: string
}

/** What owners of an organization are told without having asked. */
export const ORGANIZATION_NOTICES = {
  suspended: {
    title: (organization) => `${organization} was suspended`,
    sentence:
      'An administrator of the service suspended the organization. None of its API keys is accepted, and nothing new is made in it, until that ends. Members can sign in and read as before.',
  },
  resumed: {
    title: (organization) => `${organization} is no longer suspended`,
    sentence: 'An administrator of the service ended the suspension of the organization. Its API keys work again.',
  },
  deleted: {
    title: (organization) => `${organization} was deleted`,
    sentence:
      'One of its owners deleted the organization for good, with its API keys. The keys are not accepted any more.',
  },
  transferred: {
    title: (organization) => `You own ${organization} now`,
    sentence: 'An owner of the organization handed it over to you, and is an administrator of it from now on.',
  },
} as const satisfies Record<string, NoticeData>

export type OrganizationNotice = keyof typeof ORGANIZATION_NOTICES

interface About {
  readonly service: string
  /** The recipient's. */
  readonly name: string | null
  readonly organization: string
  /** As an administrator gave it. */
  readonly reason?: string | undefined
}

export function organizationNotice(kind: OrganizationNotice, { service, name, organization, reason }: About): Content {
  const { title, sentence }: NoticeData = ORGANIZATION_NOTICES[kind]
  return {
    subject: `${title(quotable(organization) ?? 'Your organization')} (${service})`,
    name,
    paragraphs: reason === undefined ? [sentence] : [sentence, `The reason given: ${reason}`],
    closing: [`If you have questions about this, ask the people who run ${service}.`],
  }
}
