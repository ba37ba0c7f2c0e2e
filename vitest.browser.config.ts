import { defineConfig } from 'vitest/config'

/** `npm run test:browser`: journeys through the dashboard in Chromium, over one server that all of them share. */
export default defineConfig({
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    globalSetup: './test/browser/support/global-setup.ts',
    maxWorkers: 1, // one browser at a time is fast enough, and says the same on a small machine
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
