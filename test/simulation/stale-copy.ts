import { MemoryTables } from '../../src/store/memory/tables.js'
import { ORDER_KINDS } from '../../src/store/orders.js'

/** What a replica has got so far: the same tables, which nothing that comes later changes. */
export function copyOf(from: MemoryTables): MemoryTables {
  const to = new MemoryTables()
  const { identity, rememberedIdentity, epoch, clockMs, lastTimeMs, resumeSecret, overrideVersion, overrideFloor } =
    from
  const recovery = from.recovery && { ...from.recovery }
  Object.assign(to, { identity, rememberedIdentity, epoch, clockMs, lastTimeMs, recovery })
  Object.assign(to, { resumeSecret, overrideVersion, overrideFloor })
  for (const [lease, one] of from.live) to.live.set(lease, { ...one })
  for (const [field, one] of from.overrideRecords) to.overrideRecords.set(field, { ...one })
  for (const lease of from.dead) to.dead.add(lease)
  for (const name of ['late', 'nodes', 'overrides', 'taken', 'evicted', 'probes'] as const) {
    for (const [key, value] of from[name]) (to[name] as Map<unknown, unknown>).set(key, value)
  }
  for (const [key, set] of from.scopes) for (const [id, lease] of set) to.add(key, id, lease)
  for (const lease of [...from.live.keys(), ...from.dead]) {
    for (const entry of from.index(lease).values()) to.addIndex(lease, entry)
  }
  for (const kind of ORDER_KINDS) for (const [id, lease] of from.orders(kind)) to.addOrder(kind, id, lease)
  return to
}
