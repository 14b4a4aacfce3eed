/**
 * What a Redis, or the way to it, says when it is set up wrong, and what to do about it. docs/redis.md has them all.
 */
const ADVICE: readonly (readonly [says: RegExp, advice: string])[] = [
  [/not allowed from script/i, 'headcount needs Redis 7.0 or later, or Valkey'],
  // Whoever shows no password may not send as many words as our script takes: it is told so before NOAUTH is.
  [
    /^(NOAUTH|WRONGPASS)|invalid password|unauthenticated/,
    'the user and the password in the Redis URL do not let in here',
  ],
  [/NOPERM|ACL failure|user executing the script can't/, 'the user lacks rights: docs/redis.md lists them'],
  [/unknown (redis )?command/i, 'a command that nodes need is switched off or renamed here: docs/redis.md lists them'],
  [/WRONGTYPE/, 'a key of ours is not what it should be: headcount doctor --redis finds it'],
  [/MASTERDOWN/, 'this is a replica that has lost its primary: name the primary, or its sentinels'],
  [/READONLY/, 'this is a replica: name the primary, or its sentinels'],
  [
    /MISCONF/,
    'Redis cannot write its data to disk and takes no writes: free the disk, or do without: docs/redis.md says how',
  ],
  [/max number of clients/, 'Redis has as many clients as its maxclients allows: raise it, or find out whose they are'],
  [/^BUSY/, 'a script of somebody else has run for too long: SCRIPT KILL ends it'],
  // A server over its limit closes before the handshake, in which alone it could say why.
  [
    /before secure TLS connection/,
    'no TLS is spoken there, or Redis has as many clients as its maxclients allows, which over TLS it does not say',
  ],
  [/NOREPLICAS/, 'too few replicas are in sync for min-replicas-to-write'],
  [/^CLUSTERDOWN/, 'the Redis Cluster does not serve: CLUSTER INFO says why'],
  [
    /^(MOVED|ASK|TRYAGAIN|CROSSSLOT)/,
    'slots of this Redis Cluster are being moved, or it was not named by redis+cluster://',
  ],
  [/DB index is out of range/, 'this Redis has no database of that number'],
  [
    /certificate (has expired|is not yet valid)/i,
    'TLS: renew the certificate that Redis shows; or the clock here is wrong',
  ],
  [/Unknown RESP type/, 'what answers there is no Redis: is the port right?'],
  [
    /certificate|self.signed|SSL routines|altnames/i,
    'TLS: the options ca, cert, key and servername of the Redis URL say whom to trust',
  ],
]

/** The cause, and what to do where that is known. */
export function advised(cause: string): string {
  const found = ADVICE.find(([says]) => says.test(cause))
  return found ? `${cause} (${found[1]})` : cause
}
