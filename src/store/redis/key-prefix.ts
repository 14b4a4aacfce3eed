import { UsageError } from '../../core/errors.js'

/** What may begin every key: braces would move keys to other buckets, and the rest would make a pattern of a prefix. */
export const KEY_PREFIX = /^[^{}*?[\]\\^\s\p{Cc}]{1,64}$/u

export const KEY_PREFIX_ACCEPTED = '1 to 64 characters without braces, white space and any of *?[]\\^'

/** Throws `INVALID_KEY_PREFIX` for a prefix with characters that mean something to Redis. */
export function checkKeyPrefix(prefix: string): void {
  if (KEY_PREFIX.test(prefix)) return
  throw new UsageError(
    'INVALID_KEY_PREFIX',
    `the key prefix must be ${KEY_PREFIX_ACCEPTED}, not ${JSON.stringify(prefix)}`,
  )
}
