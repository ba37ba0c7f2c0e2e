/** Emails to an organization's owners and admins about its usage and about failed deliveries. */
import { type Content, quotable } from './render.tsx'

interface About {
  readonly service: string
  /** The recipient's name. */
  readonly name: string | null
  readonly organization: string
}

interface UsageAlert extends About {
  /** The display name of the meter. */
  readonly what: string
  /** Percent of the limit that was passed. */
  readonly threshold: number
  readonly used: number
  readonly limit: number
  /** ISO 8601. */
  readonly periodStart: string
}

const quoteOrganization = (organization: string) => quotable(organization) ?? 'your organization'
const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 })

export function usageAlert({
  service,
  name,
  organization,
  what,
  threshold,
  used,
  limit,
  periodStart,
}: UsageAlert): Content {
  const isFull = threshold >= 100
  return {
    subject:
      threshold === 100
        ? `${quoteOrganization(organization)} reached its limit of ${what} (${service})`
        : `${quoteOrganization(organization)} has used ${threshold}% of its ${what} (${service})`,
    name,
    paragraphs: [
      `${NUMBER.format(used)} of ${NUMBER.format(limit)} are used: ${what} of ${quoteOrganization(organization)}, in the period that began on ${periodStart.slice(0, 10)}.`,
      isFull
        ? 'Depending on the plan, further requests are now refused, or accepted and billed.'
        : 'Nothing is refused yet.',
    ],
    closing: ['You receive one email per percentage, period and limit. A higher plan raises the limit immediately.'],
  }
}

interface AmountAlert extends About {
  /** The display name of the meter. */
  readonly what: string
  readonly kind: 'usage' | 'overage'
  readonly amount: number
  /** For overage, only what is above the limit. */
  readonly used: number
  /** ISO 8601. */
  readonly periodStart: string
}

export function amountAlert({
  service,
  name,
  organization,
  what,
  kind,
  amount,
  used,
  periodStart,
}: AmountAlert): Content {
  const isOverage = kind === 'overage'
  return {
    subject: `${quoteOrganization(organization)} reached ${NUMBER.format(amount)} ${isOverage ? 'above its limit ' : ''}of ${what} (${service})`,
    name,
    paragraphs: [
      `${NUMBER.format(used)} are used${isOverage ? ' above the limit' : ''}: ${what} of ${quoteOrganization(organization)}, in the period that began on ${periodStart.slice(0, 10)}.`,
      `An alert is set at ${NUMBER.format(amount)}. It does not refuse requests.`,
    ],
    closing: ['You receive one email per amount and period.'],
  }
}

interface SpendCapReached extends About {
  readonly action: 'block' | 'alert'
  /** US dollars. */
  readonly cap: string
  readonly used: string
  /** ISO 8601. */
  readonly periodStart: string
}

export function spendCapReached({
  service,
  name,
  organization,
  action,
  cap,
  used,
  periodStart,
}: SpendCapReached): Content {
  return {
    subject: `${quoteOrganization(organization)} reached its spend cap (${service})`,
    name,
    paragraphs: [
      `${quoteOrganization(organization)} was charged $${used} in the period that began on ${periodStart.slice(0, 10)}. Its own cap is $${cap}.`,
      action === 'block'
        ? 'Requests that would exceed it are refused until the period ends or the cap is raised.'
        : 'Nothing is refused: the cap only notifies you.',
    ],
    closing: ['You receive one email per period.'],
  }
}

interface CreditsRunLow extends About {
  /** US dollars. */
  readonly balance: string
  readonly low: string
  /** Whether the plan continues without credits. */
  readonly goesOn: boolean
}

export function creditsRunLow({ service, name, organization, balance, low, goesOn }: CreditsRunLow): Content {
  return {
    subject: `The prepaid credits of ${quoteOrganization(organization)} are running low (${service})`,
    name,
    paragraphs: [
      `$${balance} of the prepaid credits of ${quoteOrganization(organization)} are left. You are notified at $${low} or less.`,
      goesOn
        ? 'Nothing is refused when the credits are used up: then the other limits and prices of the plan apply.'
        : 'Nothing is refused yet. Once the credits are used up, requests are refused.',
    ],
    closing: ['You receive one email until credits are added.'],
  }
}

interface CreditsUsedUp extends About {
  /** US dollars of charges that no credits paid. */
  readonly owed: string
  /** Whether the plan continues without credits. */
  readonly goesOn: boolean
}

export function creditsUsedUp({ service, name, organization, owed, goesOn }: CreditsUsedUp): Content {
  const isOwed = Number(owed) > 0
  return {
    subject: `The prepaid credits of ${quoteOrganization(organization)} are used up (${service})`,
    name,
    paragraphs: [
      `${quoteOrganization(organization)} has no prepaid credits left. ${
        goesOn
          ? 'Its requests continue: the other limits and prices of its plan apply.'
          : 'Its requests are refused until some are added.'
      }`,
      ...(isOwed ? [`$${owed} was charged beyond them and will be deducted from the next credits first.`] : []),
    ],
    closing: ['You receive one email until credits are added.'],
  }
}

interface EndpointDisabled extends About {
  readonly endpointId: string
  readonly reason: string
}

/** The endpoint's address is left out: the person who configured it may not be the recipient. */
export function endpointDisabled({ service, name, organization, endpointId, reason }: EndpointDisabled): Content {
  return {
    subject: `A webhook endpoint of ${quoteOrganization(organization)} was disabled (${service})`,
    name,
    paragraphs: [`The webhook endpoint ${endpointId} of ${quoteOrganization(organization)} was disabled. ${reason}`],
    closing: ['Once it works again, enable it and resend the events that it missed.'],
  }
}
