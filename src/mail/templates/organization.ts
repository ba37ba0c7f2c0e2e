/** Emails about organizations. Names that somebody chose are only repeated if they cannot be read as an address. */
import { type Content, quotable } from './render.tsx'

interface Invitation {
  readonly service: string
  readonly organization: string
  readonly role: string
  /** The name of the inviter, null if they have none; `undefined` if the operator invites. */
  readonly inviter: string | null | undefined
  /** With the token in its fragment, which no server ever sees. */
  readonly url: string
}

export function invitation({ service, organization, role, inviter, url }: Invitation): Content {
  const where = quotable(organization)
  const what = where ? `the organization ${where}` : 'an organization'
  const byMember = `${quotable(inviter ?? null) ?? 'A member'} of ${what} at ${service} invites you to join it, with the role ${role}.`
  return {
    subject: `You are invited to ${where ?? 'an organization'} at ${service}`,
    paragraphs: [
      inviter === undefined ? `You are invited to join ${what} at ${service}, with the role ${role}.` : byMember,
    ],
    action: { label: 'Accept the invitation', url },
    closing: [
      'The link works once, for 7 days. If you do not have an account, one is created when you accept.',
      'If you did not expect this invitation, ignore this email.',
    ],
  }
}

interface NoticeData {
  /** The event with the organization's name in it, without a period. */
  readonly title: (organization: string) => string
  readonly sentence: string
}

/** Notices that owners of an organization get unasked. */
export const ORGANIZATION_NOTICES = {
  suspended: {
    title: (organization) => `${organization} was suspended`,
    sentence:
      'An administrator of the service suspended the organization. Until the suspension ends, its API keys are refused, and nothing new can be created in it. Members can sign in and read as before.',
  },
  resumed: {
    title: (organization) => `${organization} is no longer suspended`,
    sentence: 'An administrator of the service ended the suspension of the organization. Its API keys work again.',
  },
  deleted: {
    title: (organization) => `${organization} was deleted`,
    sentence: 'One of its owners permanently deleted the organization and its API keys. The keys no longer work.',
  },
  transferred: {
    title: (organization) => `You now own ${organization}`,
    sentence: 'An owner of the organization handed it over to you, and is now an admin of it.',
  },
  domain_lapsed: {
    title: (organization) => `A domain of ${organization} is no longer verified`,
    sentence:
      'The DNS no longer has the record that proved the domain. People can no longer join with it, but members stay. Publish the record again and verify the domain, or remove it.',
  },
} as const satisfies Record<string, NoticeData>

export type OrganizationNotice = keyof typeof ORGANIZATION_NOTICES

interface About {
  readonly service: string
  /** The recipient's name. */
  readonly name: string | null
  readonly organization: string
  /** As the administrator entered it. */
  readonly reason?: string | undefined
  readonly domain?: string | undefined
}

export function organizationNotice(
  kind: OrganizationNotice,
  { service, name, organization, reason, domain }: About,
): Content {
  const { title, sentence }: NoticeData = ORGANIZATION_NOTICES[kind]
  return {
    subject: `${title(quotable(organization) ?? 'Your organization')} (${service})`,
    name,
    paragraphs: [
      sentence,
      ...(reason === undefined ? [] : [`The reason given: ${reason}`]),
      ...(domain === undefined ? [] : [`The domain: ${domain}`]),
    ],
    closing: [`If you have questions about this, ask the people who run ${service}.`],
  }
}
