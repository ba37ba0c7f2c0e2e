import * as z from 'zod'
import { timestamp } from '../../http/fields.ts'

const Job = z.object({
  name: z.string(),
  cron: z.string(),
  state: z.enum(['never_run', 'running', 'ok', 'failed', 'late']).nullable().meta({
    description:
      '`late`: no success for more than three rounds, whatever the reason. Null where Postgres does not answer.',
  }),
  last_run_at: timestamp.nullable().meta({ description: 'When the last run began; null before the first.' }),
  last_ended_at: timestamp
    .nullable()
    .meta({ description: 'When it ended; null while it runs, and for good if it died.' }),
  last_success_at: timestamp.nullable().meta({ description: 'When the last successful run began.' }),
  duration_ms: z.int().nullable().meta({ description: 'Of the last run that ended, as are result and error.' }),
  result: z.record(z.string(), z.unknown()).nullable().meta({ description: 'What it did; null if it failed.' }),
  error: z.string().nullable().meta({ description: 'Why it failed.' }),
  backlog: z
    .object({
      of: z.string().meta({ description: 'What is counted.' }),
      count: z.int().nullable().meta({
        description:
          'How much waits now, counted up to 10,000, or to one more than a ceiling up to 25,000. Null where nothing queues, or it could not be counted.',
      }),
    })
    .meta({ description: 'What waits for the job.' }),
  ceiling: z
    .object({
      amount: z
        .int()
        .nullable()
        .meta({ description: 'Of what the backlog counts; null where time alone is the bound.' }),
      seconds: z.number().nullable().meta({ description: 'After this a run begins nothing new.' }),
    })
    .meta({ description: 'How much one run does at most. The next run goes on.' }),
})

export const System = z
  .object({
    version: z.string(),
    schema: z
      .object({
        known: z.string().meta({ description: 'The last migration that this version knows.' }),
        found: z.string().nullable().meta({ description: 'The last one that the database has.' }),
        is_current: z.boolean().meta({ description: 'False where migrations are missing, or the database is ahead.' }),
      })
      .nullable()
      .meta({ description: 'Null where the database could not say.' }),
    price_list: z
      .object({ source: z.string(), checked_at: z.iso.date() })
      .meta({ description: 'Prices of models; later changes are not in it.' }),
    spool: z
      .object({
        batches: z.int().meta({ description: 'Batches of usage that wait in Redis for Postgres.' }),
        aside: z.int().meta({ description: 'What was set aside for a person to look at.' }),
      })
      .nullable()
      .meta({ description: 'Null while Redis does not answer.' }),
    jobs: z.array(Job).meta({ description: 'In the order in which they run.' }),
    settings: z
      .array(
        z.object({
          name: z.string(),
          state: z.enum(['set', 'missing', 'defaulted']),
          fault: z.string().nullable().meta({ description: 'Why it is refused; its feature is off.' }),
        }),
      )
      .meta({ description: 'The configuration by name, never by value.' }),
  })
  .meta({ id: 'System' })
