import { hexToBytes } from '@noble/hashes/utils.js'

/** The user handle: the user's id, which reveals nothing about them (W3C Web Authentication Level 3, section 14.6.1). */
export const userHandle = (userId: string): Uint8Array => hexToBytes(userId.replaceAll('-', ''))
