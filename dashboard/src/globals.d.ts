/** Whether the page was built by `npm run dev`. */
declare const __DEVELOPMENT__: boolean
