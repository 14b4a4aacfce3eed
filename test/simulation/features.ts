import type { AdmissionRequest } from '../../src/core/admission.js'
import { ON_LIMIT_LOWERED } from '../../src/core/policies.js'
import type { ScopeLimits } from '../../src/node/held/claim-of.js'
import type { LimiterNodeOptions } from '../../src/node/node-options.js'
import type { Dice } from './dice.js'
import type { OpenConnection } from './scenario.js'

const GATEWAYS = ['eu', 'us']
const CLOSES_MS = [300, 30_000]

/** What a day has besides nodes, plain clients and faults, so that these meet each other and the faults. */
export interface Features {
  /** Nothing of the rest. */
  readonly isPlain: boolean
  /** How many of the clients that come back show what they had before, or name their instance. */
  readonly takeovers: number
  readonly instances: number
  /** Whether operators set limits, evict and drain. */
  readonly operators: boolean
  /** How long clients stay at most: some days for so long that their node may lose its lease and come back with another. */
  readonly staysMs: number
  /** How long the socket of who is told to close takes for that at most: some peers answer no close. */
  readonly closesMs: number
  /** Whether the store is also replaced by a stale copy, and single nodes are led to another one. */
  readonly staleStores: boolean
  readonly limits: ScopeLimits
  readonly policies: NonNullable<LimiterNodeOptions['policies']>
}

interface Kind {
  readonly onLeaseLost: 'close' | 'rejoin'
  readonly isPlain?: boolean | undefined
}

/** Half of the days are plain: what is wrong with the ground that the rest stands on shows sooner there. */
export function featuresOf(dice: Dice, { onLeaseLost, isPlain = dice.chance(0.5) }: Kind): Features {
  const plain = {
    isPlain: true,
    takeovers: 0,
    instances: 0,
    operators: false,
    // Long enough that what was open when the store was lost is so when it has recovered.
    staysMs: onLeaseLost === 'close' ? 60_000 : 20_000,
    closesMs: dice.pick(CLOSES_MS)!,
    staleStores: false,
    limits: {},
    policies: { onLeaseLost, onLimitLowered: dice.pick(ON_LIMIT_LOWERED)! },
  }
  if (isPlain) return plain
  return {
    isPlain: false,
    takeovers: dice.chance(0.7) ? dice.next() * 0.6 : 0,
    instances: dice.chance(0.5) ? dice.next() : 0,
    operators: dice.chance(0.7),
    staysMs: dice.pick([20_000, 120_000])!,
    closesMs: dice.pick(CLOSES_MS)!,
    staleStores: dice.chance(0.5),
    limits: {
      instance: true,
      ...(dice.chance(0.5) && { gateway: dice.int(1, 4) }),
      ...(dice.chance(0.5) && { cluster: dice.int(3, 9) }),
      ...(dice.chance(0.4) && { reserved: { slots: 1 } }),
    },
    policies: {
      onLeaseLost,
      onStoreDown: dice.pick(['deny', 'local', 'allow'] as const)!,
      onLimitLowered: dice.pick(ON_LIMIT_LOWERED)!,
    },
  }
}

interface Visit {
  readonly client: string
  readonly visit: string
  readonly org: string
  /** What the client had last. */
  readonly before: OpenConnection | undefined
  readonly dice: Dice
}

/** What a client that may have been there `before` asks for, beside what all of them do. */
export function requestOf(
  { takeovers, instances, limits }: Features,
  { client, visit, org, before, dice }: Visit,
): Omit<AdmissionRequest, 'limit'> {
  const [comesBack, byToken, isNamed] = [dice.chance(takeovers), dice.chance(0.5), dice.chance(instances)]
  const about = {
    // By that of its own a broken node is told of one that has left.
    gateway: limits.gateway === undefined ? visit : dice.pick(GATEWAYS)!,
    priority: dice.chance(0.3),
    ...(isNamed && { instance: client }),
  }
  if (!before || !comesBack) return { org, ...about }
  const { connectionId, resumeToken } = before.admitted
  const shows = byToken ? { resumeToken } : { replaces: connectionId }
  return { org: before.org, ...about, gateway: before.gateway, ...shows }
}
