/** What may begin every key: braces would move keys to other buckets, and the rest would make a pattern of a prefix. */
export const KEY_PREFIX = /^[^{}*?[\]\\^\s\p{Cc}]{1,64}$/u

export const KEY_PREFIX_ACCEPTED = '1 to 64 characters without braces, white space and any of *?[]\\^'
