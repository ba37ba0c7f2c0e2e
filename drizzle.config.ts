import { defineConfig } from 'drizzle-kit'

/** `npm run migrate:generate` compares these schema files with migrations/meta and writes the next SQL file. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/db/schema/*.ts',
  out: './migrations',
  casing: 'snake_case',
})
