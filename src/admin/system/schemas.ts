import * as z from 'zod'
import { timestamp } from '../../http/fields.ts'

const Job = z.object({
  name: z.string(),
  cron: z.string(),
  state: z.enum(['never_run', 'running', 'ok', 'failed', 'late']).nullable().meta({
    description:
      '`late`: no success for more than three intervals, for any reason. Null while Postgres does not respond.',
  }),
  last_run_at: timestamp.nullable().meta({ description: 'When the last run began; null before the first.' }),
  last_ended_at: timestamp
    .nullable()
    .meta({ description: 'When it ended. Null while it runs, and also if it was killed.' }),
  last_success_at: timestamp.nullable().meta({ description: 'When the last successful run began.' }),
  duration_ms: z
    .int()
    .nullable()
    .meta({ description: 'The outcome of the last run that ended, as are `result` and `error`.' }),
  result: z.record(z.string(), z.unknown()).nullable().meta({ description: 'What it did; null if it failed.' }),
  error: z.string().nullable().meta({ description: 'Why it failed.' }),
  backlog: z
    .object({
      of: z.string().meta({ description: 'What is counted.' }),
      count: z.int().nullable().meta({
        description:
          'How much is waiting now, counted up to 10,000, or up to one more than a ceiling of up to 25,000. Null if the job has no queue, or if it could not be counted.',
      }),
    })
    .meta({ description: 'What waits for the job.' }),
  ceiling: z
    .object({
      amount: z
        .int()
        .nullable()
        .meta({ description: 'The maximum of a run, in the unit of the backlog. Null if only time limits a run.' }),
      seconds: z.number().nullable().meta({ description: 'The time after which a run starts nothing new.' }),
    })
    .meta({ description: 'The most that one run does. The next run continues.' }),
})

export const System = z
  .object({
    version: z.string(),
    schema: z
      .object({
        known: z.string().meta({ description: 'The last migration that this version knows.' }),
        found: z.string().nullable().meta({ description: 'The last migration that was applied to the database.' }),
        is_current: z.boolean().meta({ description: 'False if migrations are missing, or if the database is ahead.' }),
      })
      .nullable()
      .meta({ description: 'Null if the database could not be read.' }),
    price_list: z
      .object({ source: z.string(), checked_at: z.iso.date() })
      .meta({ description: 'The date of the model prices. Later changes are not included.' }),
    spool: z
      .object({
        batches: z.int().meta({ description: 'Batches of usage that wait in Redis for Postgres.' }),
        aside: z.int().meta({ description: 'What was set aside for an operator to look at.' }),
      })
      .nullable()
      .meta({ description: 'Null while Redis does not respond.' }),
    jobs: z.array(Job).meta({ description: 'In the order in which they run.' }),
    settings: z
      .array(
        z.object({
          name: z.string(),
          state: z.enum(['set', 'missing', 'defaulted']),
          fault: z.string().nullable().meta({ description: 'Why the setting is refused. Its feature is off.' }),
        }),
      )
      .meta({ description: 'The names of the configured settings, without their values.' }),
  })
  .meta({ id: 'System' })
