/** Kept equal to package.json's by a test; importing that file would put it into the bundle. */
export const VERSION = '0.1.0'
