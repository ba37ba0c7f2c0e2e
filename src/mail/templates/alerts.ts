/** Mails to those who run an organization, about what it used and what could not be delivered to it. */
import { METER_ROWS, type Meter } from '../../db/schema/meters.ts'
import { type Content, quotable } from './render.tsx'

interface About {
  readonly service: string
  /** The recipient's. */
  readonly name: string | null
  readonly organization: string
}

interface UsageAlert extends About {
  readonly meter: Meter
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
  meter,
  threshold,
  used,
  limit,
  periodStart,
}: UsageAlert): Content {
  const what = METER_ROWS[meter].label
  const isFull = threshold >= 100
  return {
    subject:
      threshold === 100
        ? `${quoteOrganization(organization)} reached its limit of ${what} (${service})`
        : `${quoteOrganization(organization)} has used ${threshold} % of its ${what} (${service})`,
    name,
    paragraphs: [
      `${NUMBER.format(used)} of ${NUMBER.format(limit)} are used: ${what} of ${quoteOrganization(organization)}, in the period that began on ${periodStart.slice(0, 10)}.`,
      isFull
        ? 'What the plan does at this limit happens now: requests are refused, or go on and are billed.'
        : 'Nothing is refused yet.',
    ],
    closing: ['You are told of each percentage once per period and limit. A higher plan raises the limit at once.'],
  }
}

interface EndpointDisabled extends About {
  readonly endpointId: string
  readonly reason: string
}

/** The endpoint's address is left out: whoever set it up chose it, and need not be who reads this. */
export function endpointDisabled({ service, name, organization, endpointId, reason }: EndpointDisabled): Content {
  return {
    subject: `A webhook endpoint of ${quoteOrganization(organization)} was switched off (${service})`,
    name,
    paragraphs: [
      `The webhook endpoint ${endpointId} of ${quoteOrganization(organization)} was switched off. ${reason}`,
    ],
    closing: ['Once it works again, switch it on and have the events sent again that it missed.'],
  }
}
