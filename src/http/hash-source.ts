import { sha256 } from '../lib/bytes.ts'

/** The source expression that allows one inline script or style (CSP3 §2.3.1). */
export const hashSource = (text: string) => `'sha256-${btoa(String.fromCharCode(...sha256(text)))}'`
