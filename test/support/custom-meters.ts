import { expect } from 'vitest'
import { administrator, call } from './http.ts'

/** Meters that tests share: a deployment has room for a hundred, and the database may outlive a run. */
const SHARED = {
  images: { name: 'Images', unit: 'images', kind: 'counter' },
  audio_seconds: { name: 'Audio', unit: 'seconds', kind: 'counter', scale: 3 },
  seats: { name: 'Seats', unit: 'seats', kind: 'gauge' },
} as const

/** Defines the meters `images` (whole), `audio_seconds` (three decimals) and the gauge `seats`, once. */
export async function defineMeters(): Promise<void> {
  const token = await administrator()
  for (const [slug, fields] of Object.entries(SHARED)) {
    const { status, body } = await call('POST /api/v1/admin/meters', { token, body: { slug, ...fields } })
    if (status !== 409) expect(body).toMatchObject({ slug, ...fields, is_builtin: false })
  }
}
