import * as z from 'zod'
import { uuid as Uuid } from '../../http/fields.ts'
import { recordSchema, text } from '../../http/text-field.ts'

/** Media types of a single event and of a list of events (CloudEvents 1.0, JSON format §3 and §4). */
export const CLOUD_EVENT = 'application/cloudevents+json'
export const CLOUD_EVENTS = 'application/cloudevents-batch+json'

/**
 * The envelope of a CloudEvent. Its `data` is a usage event. `type`, extensions and the rest of the envelope are not
 * used.
 */
const CloudEvent = z.object({
  specversion: z.literal('1.0', { error: 'must be 1.0' }),
  id: text(255).min(1),
  /** A URI reference. It has no spaces, so that a space can separate it from the id. */
  source: text(255)
    .min(1)
    .refine((source) => !/\s/.test(source), 'must be a URI reference'),
  type: text(255).min(1),
  time: z.string().nullish(),
  subject: z.string().nullish(),
  datacontenttype: z
    .string()
    .refine((type) => /^(application|text)\/([\w.-]+\+)?json\b/i.test(type), 'must be JSON')
    .nullish(),
  data: recordSchema(z.string(), z.unknown(), 'must be an object with the fields of a usage event'),
})

export interface Report {
  /** The event, before the schema of a reported event checks it. */
  readonly event: unknown
  /** Its id as its sender knows it. */
  readonly id: string | null
  /** Its identity, if that is more than the id inside the event. */
  readonly identity?: string
  /** A key or organization, if the event itself names none. */
  readonly holder?: string | undefined
}

/**
 * Converts a CloudEvent to a reported event. Its identity is `source` and `id` together (CloudEvents 1.0 §3.1), its
 * time is `time`, and a `subject` that is a UUID is the key or organization, unless `data` names one.
 */
export function fromCloudEvent(raw: unknown): Report | z.ZodError {
  const envelope = CloudEvent.safeParse(raw)
  if (!envelope.success) return envelope.error
  const { id, source, time, subject, data } = envelope.data
  const isAttributed = data.key_id != null || data.organization_id != null || data.external_id != null
  const event = { ...data, id: null, ...(time != null && { timestamp: time }) }
  return { event, id, identity: `${source} ${id}`, holder: isAttributed ? undefined : Uuid.safeParse(subject).data }
}
