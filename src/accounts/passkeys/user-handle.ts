import { hexToBytes } from '@noble/hashes/utils.js'

/** What authenticators call a user: their id, which says nothing about them (W3C Web Authentication Level 3, section 14.6.1). */
export const userHandle = (userId: string): Uint8Array => hexToBytes(userId.replaceAll('-', ''))
