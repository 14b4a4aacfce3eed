import { clientsCut, clientsCutLong } from './clients-cut.js'
import { clockJumped } from './clock-jumped.js'
import { bucketMoved, clusterPrimaryFlushed, clusterPrimaryFrozen, clusterPrimaryKilled } from './cluster-part.js'
import type { Fault } from './fault.js'
import { linkBlackHole, linkBlackHoleLong } from './link-black-hole.js'
import { linkBlackHoleFlushed } from './link-black-hole-flushed.js'
import { linkCut } from './link-cut.js'
import { linkDelayed, linkTooSlow } from './link-delayed.js'
import { nodeKilled } from './node-killed.js'
import { nodePaused, nodePausedLong } from './node-paused.js'
import { nodeStopped, rollingRestart } from './node-stopped.js'
import { primaryFrozen, primaryKilled } from './primary-replaced.js'
import { redisClientPause } from './redis-client-pause.js'
import { redisFlushed } from './redis-flushed.js'
import { redisFrozen, redisFrozenLong } from './redis-frozen.js'
import { redisRestartedEmpty, redisRestartedOld } from './redis-restarted.js'
import { repliesLost } from './replies-lost.js'
import { scriptsFlushed } from './scripts-flushed.js'

/** Every fault there is, in the order of the report. */
export const allFaults: readonly Fault[] = [
  nodeKilled,
  nodeStopped,
  rollingRestart,
  nodePaused,
  nodePausedLong,
  redisFrozen,
  redisFrozenLong,
  redisClientPause,
  redisRestartedEmpty,
  redisRestartedOld,
  redisFlushed,
  scriptsFlushed,
  clockJumped,
  linkCut,
  linkBlackHole,
  linkBlackHoleLong,
  linkBlackHoleFlushed,
  repliesLost,
  linkDelayed,
  linkTooSlow,
  clientsCut,
  clientsCutLong,
  primaryKilled,
  primaryFrozen,
  clusterPrimaryKilled,
  clusterPrimaryFrozen,
  clusterPrimaryFlushed,
  bucketMoved,
]
