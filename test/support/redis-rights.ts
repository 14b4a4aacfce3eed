import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'

const DOCUMENT = fileURLToPath(new URL('../../docs/redis.md', import.meta.url))

/** The rights that docs/redis.md says one of its users needs, word by word as ACL SETUSER takes them: keys, then commands. */
export function documentedRights(user: 'headcount' | 'doctor' = 'headcount'): string[] {
  const rule = new RegExp(`ACL SETUSER ${user} on '><password>' (.+)$`, 'm').exec(
    readFileSync(DOCUMENT, 'utf8').replaceAll(' \\\n', ''),
  )
  if (!rule) throw new Error('docs/redis.md no longer has the line that makes the user')
  return rule[1]!.trim().replaceAll("'", '').split(/\s+/)
}

/** Makes a user with the documented rights for the keys of a prefix, and `more`; every other right is taken from it. */
export async function makeLeastUser(redis: Redis, prefix: string, more: readonly string[] = []): Promise<void> {
  await redis.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>geheim', ...rightsFor(prefix, 'headcount'), ...more)
}

/** The same for who only looks, as `doctor` does. */
export async function makeLookingUser(redis: Redis, prefix: string): Promise<void> {
  await redis.call('ACL', 'SETUSER', 'looker', 'reset', 'on', '>geheim', ...rightsFor(prefix, 'doctor'))
}

function rightsFor(prefix: string, user: 'headcount' | 'doctor'): string[] {
  return documentedRights(user).map((right) => right.replace('hc:1:', prefix))
}
