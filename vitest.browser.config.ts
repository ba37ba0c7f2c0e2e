import { defineConfig } from 'vitest/config'

/** `npm run test:browser`: journeys through the dashboard in Chromium, over one server that all of them share. */
export default defineConfig({
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    globalSetup: './test/browser/support/global-setup.ts',
    maxWorkers: 2, // a browser waits for the server half of its time; more would only wait for each other
    retry: process.env['CI'] ? 1 : 0, // a browser on a machine with other work now and then misses its time
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
})
