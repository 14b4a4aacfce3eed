import fc from 'fast-check'
import type { Reserve } from '../../src/core/reserve.js'
import { ORDER_KINDS, type OrderKind, type OrderRequest } from '../../src/store/orders.js'
import type { OverrideRecord, OverrideTerms } from '../../src/store/override-records.js'

/** What a node offers to write back: of any org, in any version, as if it had been set in some life or other. */
export type AnyRecord = Omit<OverrideRecord, 'org'> & { readonly org: number }

/** What may happen next, as plain data: names of things are small numbers that the world makes sense of. */
export type Step =
  | { kind: 'hello'; node: number; fresh: boolean; generationStep: number; reasserting: boolean; lost: boolean }
  | { kind: 'acquire'; node: number; ids: number[]; again: boolean }
  | { kind: 'takeover'; node: number; ids: number[]; replaced: number[] }
  | { kind: 'release'; node: number; ids: number[] }
  | { kind: 'renew'; node: number; lost: boolean }
  | { kind: 'sweep'; node: number; dead: number; carry: boolean; lost: boolean }
  | { kind: 'leave'; node: number }
  | { kind: 'reassert'; node: number; ids: number[]; evicted: boolean; mode: 'keep' | 'room'; final: boolean }
  | { kind: 'override'; node: number; org: number; limit: number | undefined; terms: OverrideTerms }
  | { kind: 'learn'; node: number; after: number }
  | { kind: 'restore'; node: number; records: AnyRecord[] }
  | { kind: 'audit'; node: number; page: boolean; ids: number[] }
  | { kind: 'order'; node: number; org: number; order: OrderRequest['kind']; ids: number[] }
  | { kind: 'drain'; node: number; other: number }
  | { kind: 'probe'; node: number; scope: number }
  | { kind: 'confirm'; node: number; order: OrderKind; ids: number[] }
  /** A call said before, delivered now, under the fence it had. */
  | { kind: 'late'; back: number }
  | { kind: 'time'; ms: number }
  | { kind: 'wipe' }
  | { kind: 'another' }

export const NODES = 3
export const ORGS = 3
export const IDS = 12

/** Limits of each org, each gateway, an address and the cluster: one sequence keeps to them, but for overrides. */
export interface Limits {
  readonly org: readonly number[]
  readonly gateway: readonly number[]
  readonly address: number
  readonly cluster: number
  /** What is kept of each org for connections that have priority. */
  readonly reserve: Reserve | undefined
}

const limit = fc.nat({ max: 4 })
const further = fc.oneof(limit, fc.constant(Number.POSITIVE_INFINITY))

export const anyLimits: fc.Arbitrary<Limits> = fc.record({
  org: fc.array(limit, { minLength: ORGS, maxLength: ORGS }),
  gateway: fc.array(further, { minLength: 2, maxLength: 2 }),
  address: further,
  cluster: fc.oneof(fc.nat({ max: 8 }), fc.constant(Number.POSITIVE_INFINITY)),
  reserve: fc.oneof(
    fc.constant(undefined),
    fc.record({ slots: fc.nat({ max: 3 }) }),
    fc.record({ percent: fc.constantFrom(0, 25, 34, 50, 100) }),
  ),
})

const node = fc.nat({ max: NODES - 1 })
const id = fc.nat({ max: IDS - 1 })
const lost = fc.integer({ min: 0, max: 9 }).map((n) => n === 9)
/** Mostly the entries of the reply before, as a sweeper does. */
const carry = fc.integer({ min: 0, max: 4 }).map((n) => n > 0)
const kind = <const K extends string>(name: K) => fc.constant(name)

const HOUR_MS = 3_600_000

const hello = fc.record({
  kind: kind('hello'),
  node,
  fresh: fc.boolean(),
  // A step of 0 or less is a generation that is over.
  generationStep: fc.constantFrom(1, 1, 1, 2, 0, -1),
  reasserting: fc.boolean(),
  lost,
})
const acquire = fc.record({
  kind: kind('acquire'),
  node,
  ids: fc.array(id, { minLength: 1, maxLength: 5, size: 'max' }),
  again: fc.boolean(),
})
const takeover = fc.record({
  kind: kind('takeover'),
  node,
  ids: fc.array(id, { minLength: 1, maxLength: 3, size: 'max' }),
  // One of the same org, as a node makes sure: ids that are three apart are. 0 is the claim's own id.
  replaced: fc.array(fc.constantFrom(3, 6, 9, 3, 6, 9, 3, 6, 9, 0), { minLength: 3, maxLength: 3 }),
})
const release = fc.record({ kind: kind('release'), node, ids: fc.array(id, { maxLength: 4, size: 'max' }) })
const sweep = fc.record({ kind: kind('sweep'), node, dead: fc.nat({ max: 2 }), carry, lost })
const reassert = fc.record({
  kind: kind('reassert'),
  node,
  ids: fc.array(id, { maxLength: 5, size: 'max' }),
  // Also whoever was evicted last, which hardly any of them would be by chance.
  evicted: fc.boolean(),
  mode: fc.constantFrom('keep' as const, 'room' as const),
  final: fc.boolean(),
})
const overrideLimit = fc.oneof(limit, fc.constant(undefined), fc.constant(Number.POSITIVE_INFINITY))
const overrideKind = fc.constantFrom('override' as const, 'override' as const, 'tier' as const)
const lasting = fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 12_000 }))
const override = fc.record({
  kind: kind('override'),
  node,
  org: fc.nat({ max: ORGS - 1 }),
  limit: overrideLimit,
  terms: fc.record({ kind: overrideKind, expiresInMs: lasting, details: fc.constantFrom('', 'why\nand who') }),
})
const learn = fc.record({ kind: kind('learn'), node, after: fc.nat({ max: 12 }) })
const restore = fc.record({
  kind: kind('restore'),
  node,
  records: fc.array(
    fc.record({
      org: fc.nat({ max: ORGS - 1 }),
      kind: overrideKind,
      version: fc.integer({ min: 1, max: 12 }),
      limit: overrideLimit,
      expiresInMs: lasting,
      details: fc.constantFrom('', 'of before'),
    }),
    { maxLength: 4 },
  ),
})
const audit = fc.record({ kind: kind('audit'), node, page: fc.boolean(), ids: fc.array(id, { maxLength: 4 }) })
const order = fc.record({
  kind: kind('order'),
  node,
  org: fc.nat({ max: ORGS - 1 }),
  order: fc.constantFrom('evict' as const, 'surplus' as const),
  ids: fc.array(id, { maxLength: 8, size: 'max' }),
})
const confirm = fc.record({
  kind: kind('confirm'),
  node,
  order: fc.constantFrom(...ORDER_KINDS),
  ids: fc.array(id, { maxLength: 6, size: 'max' }),
})
const time = fc.record({
  kind: kind('time'),
  ms: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 4_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(HOUR_MS, -HOUR_MS, 9_000 * HOUR_MS, -9_000 * HOUR_MS) },
  ),
})

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: acquire },
    { weight: 10, arbitrary: takeover },
    { weight: 8, arbitrary: release },
    { weight: 14, arbitrary: fc.record({ kind: kind('renew'), node, lost }) },
    { weight: 14, arbitrary: time },
    { weight: 9, arbitrary: hello },
    { weight: 10, arbitrary: sweep },
    { weight: 9, arbitrary: reassert },
    { weight: 8, arbitrary: fc.record({ kind: kind('late'), back: fc.nat({ max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('leave'), node }) },
    { weight: 4, arbitrary: override },
    { weight: 2, arbitrary: learn },
    { weight: 3, arbitrary: restore },
    { weight: 3, arbitrary: audit },
    { weight: 8, arbitrary: order },
    { weight: 4, arbitrary: confirm },
    { weight: 2, arbitrary: fc.record({ kind: kind('drain'), node, other: node }) },
    { weight: 5, arbitrary: fc.record({ kind: kind('probe'), node, scope: fc.nat({ max: ORGS + 1 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('wipe') }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('another') }) },
  ),
  { maxLength: 80, size: 'max' },
)

/** Every node says hello and the first recovery passes: without it most sequences would wait from end to end. */
const WARM_UP: readonly Step[] = [
  ...[0, 1, 2].map(
    (node): Step => ({ kind: 'hello', node, fresh: true, generationStep: 1, reasserting: false, lost: false }),
  ),
  ...[0, 1].flatMap((node): Step[] => [
    { kind: 'time', ms: 3_000 },
    { kind: 'renew', node, lost: false },
  ]),
]

export const anySteps: fc.Arbitrary<Step[]> = fc
  .tuple(fc.nat({ max: 4 }), steps)
  .map(([cold, drawn]) => (cold === 4 ? drawn : [...WARM_UP, ...drawn]))
