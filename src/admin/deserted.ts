/**
 * The reason of an organization's suspension that has nobody left to act for it; enabling one of its members ends that. No
 * administrator gives this one: theirs outlast that.
 */
export const DESERTED = 'members_disabled'
