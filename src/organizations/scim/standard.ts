/** What RFC 7643 knows and is not kept: directories send it to everybody, so it is no mistake. All in lower case. */

const ATTRIBUTES = toNames(
  'nickname profileurl title usertype preferredlanguage locale timezone password phonenumbers ims photos addresses entitlements roles x509certificates',
)
/** Parts of the attributes that are kept (§2.4, §4.1.1, §4.2). */
const PARTS = toNames(
  'value display type primary $ref formatted familyname givenname middlename honorificprefix honorificsuffix',
)

function toNames(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/** Also attributes of other schemas, which are named by a URN. */
export const isStandard = (attribute: string): boolean =>
  ATTRIBUTES.has(attribute.toLowerCase()) || /^urn:/i.test(attribute)

export const isStandardPart = (part: string): boolean => PARTS.has(part.toLowerCase())
