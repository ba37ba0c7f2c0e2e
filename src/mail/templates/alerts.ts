/** Mails to an organization's owners and admins about its usage and about failed deliveries. */
import { METER_ROWS, type Meter } from '../../db/schema/meters.ts'
import { type Content, quotable } from './render.tsx'

interface About {
  readonly service: string
  /** The recipient's name. */
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
        ? 'Depending on the plan, further requests are now refused, or accepted and billed.'
        : 'Nothing is refused yet.',
    ],
    closing: ['You receive one mail per percentage, period and limit. A higher plan raises the limit at once.'],
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
