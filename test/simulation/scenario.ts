import type { Admitted } from '../../src/core/admission.js'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import { Checks } from './checks.js'
import type { Controls } from './controls.js'
import { plant } from './controls.js'
import { SimLink, SimStore } from './sim-store.js'
import { type Owner, World } from './world.js'

const ORGS = ['acme', 'globex', 'initech']
const LIMITS = [1, 3, 6]

/** One node process with its clients. A restart is a new one. */
export interface SimNode extends Owner {
  readonly link: SimLink
  readonly node: LimiterNode
  readonly open: Set<OpenConnection>
  wallOffsetMs: number
  /** Times during which the node was paused or cut off from the store; the last may still run. */
  readonly unwell: { readonly by: 'pause' | 'cut'; readonly fromMs: number; toMs?: number }[]
}

/** A client's connection, as the outside sees it: open from the answer to the close of its socket. */
export interface OpenConnection {
  readonly org: string
  readonly owner: SimNode
  readonly admitted: Admitted
}

export interface RunResult {
  readonly seed: number
  readonly violations: readonly string[]
  readonly history: readonly string[]
  readonly admissions: number
}

/** The real node code and the twin in virtual time: a few minutes of a bad day, then calm, then the books. */
export class Scenario {
  readonly world: World
  readonly timing = leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 250 })
  readonly store: SimStore
  readonly nodes: SimNode[] = []
  readonly checks: Checks
  readonly callsComeTwice: boolean
  readonly #controls: Controls
  #booted = 0
  #calm = false
  /** No client comes any more. */
  #evening = false
  #admissions = 0

  constructor(seed: number, controls: Controls) {
    this.world = new World(seed)
    const { dice } = this.world
    const rough = dice.next()
    this.callsComeTwice = dice.chance(0.5)
    this.store = new SimStore(this.world, this.timing, {
      breakChance: 0.04 * rough,
      lateChance: 0.7,
      lateMs: 20_000,
      // Every other day nothing is delivered twice, and then the audit must never find anything to mend.
      twiceChance: this.callsComeTwice ? 0.01 * rough : 0,
    })
    this.#controls = controls
    plant(controls, this.store)
    this.checks = new Checks(this)
    this.checks.watchAcquires()
  }

  limitOf(org: string): number {
    return LIMITS[ORGS.indexOf(org)] as number
  }

  async run(seed: number): Promise<RunResult> {
    const { world, checks } = this
    const stormMs = world.dice.int(40_000, 120_000)
    for (let i = world.dice.int(2, 4); i > 0; i--) this.#boot()
    for (let i = 0; i < 12; i++) this.#client()
    this.#faults()
    await world.run(stormMs, () => checks.afterEvent())

    this.#heal()
    await world.run(2 * this.timing.ttlMs + 70_000, () => checks.afterEvent())
    checks.booksAgree('after the calm')
    this.#evening = true
    for (const node of this.nodes) for (const connection of [...node.open]) this.#close(connection)
    await world.run(5_000, () => checks.afterEvent())
    checks.booksAgree('after all have left')
    checks.nobodyLeft()
    await this.#stopAll()
    return { seed, violations: checks.violations, history: world.history, admissions: this.#admissions }
  }

  #boot(): void {
    const name = `node-${++this.#booted}`
    const owner = { name, paused: false, dead: false, wallOffsetMs: this.world.dice.int(-1e9, 1e9) }
    const link = new SimLink(this.store, owner)
    const { world } = this
    const sim: SimNode = Object.assign(owner, {
      link,
      open: new Set<OpenConnection>(),
      unwell: [],
      node: new LimiterNode({
        store: link,
        timing: this.#controls.noDeadline ? { ...this.timing, trustMs: Number.POSITIVE_INFINITY } : this.timing,
        clock: world.clock(owner, () => owner.wallOffsetMs),
        random: world.dice.next,
        connectionsPerOrg: 1,
        name,
      }),
    })
    this.nodes.push(sim)
    world.note(`${name} boots`)
    this.checks.watchNode(sim)
    sim.node.start()
  }

  /** A client that comes, stays for a while if it is let in, and comes again. */
  #client(): void {
    const { world } = this
    const { dice } = world
    const comeAgain = () => void world.at(dice.next() * 4_000, () => this.#client())
    const sim = dice.pick(this.nodes.filter((node) => !node.dead))
    const org = dice.pick(ORGS) as string
    if (this.#evening) return
    if (!sim || sim.paused) {
      comeAgain()
      return
    }
    const gone = new AbortController()
    if (dice.chance(0.1)) world.at(dice.next() * 6, () => gone.abort(), sim)
    this.#admissions++
    // The cruellest moment for a pause: the question is on its way, the answer will lie unread.
    if (dice.chance(0.01) && !this.#calm) world.at(dice.next() * 4, () => this.#pause(sim, 20_000))
    sim.node.admit({ org, limit: this.limitOf(org) }, gone.signal).then((admission) => {
      if (admission.admitted && !sim.dead) this.#opened({ org, owner: sim, admitted: admission })
    })
    comeAgain()
  }

  #opened(connection: OpenConnection): void {
    const { world, checks } = this
    const { owner, admitted } = connection
    checks.grantedUnderLiveLease(connection)
    owner.open.add(connection)
    const close = () => this.#close(connection)
    admitted.lost.addEventListener('abort', () => void world.at(world.dice.next() * 300, close, owner))
    if (admitted.lost.aborted) world.at(world.dice.next() * 300, close, owner)
    if (this.#evening) close()
    else if (!this.#calm) world.at(world.dice.next() * 20_000, close, owner)
  }

  #close(connection: OpenConnection): void {
    if (connection.owner.dead || !connection.owner.open.delete(connection)) return
    connection.admitted.release()
  }

  #faults(): void {
    const { world, store } = this
    const { dice } = world
    world.at(dice.next() * 8_000, () => {
      if (!this.#calm) this.#faults()
    })
    const sim = dice.pick(this.nodes.filter((node) => !node.dead && !node.paused && !node.link.cut))
    const happens = dice.int(0, 11)
    if (happens <= 1 && sim) {
      this.#pause(sim, 0)
    } else if (happens <= 3 && sim) {
      world.note(`${sim.name} is cut off from the store`)
      sim.link.cut = true
      sim.unwell.push({ by: 'cut', fromMs: world.nowMs })
      world.at(dice.next() * 30_000, () => this.#reconnect(sim))
    } else if (happens === 4 && sim) {
      this.#kill(sim)
      world.at(dice.next() * 10_000, () => this.#calm || this.#boot())
    } else if (happens === 5 && sim) {
      world.note(`${sim.name}: connections reset`)
      sim.link.breakAll()
    } else if (happens === 6) {
      world.note('the store freezes')
      store.frozen = true
      world.at(dice.next() * 20_000, () => store.thaw())
    } else if (happens === 7) {
      store.timeOffsetMs += dice.pick([3_600_000, -3_600_000, 5_000, -5_000]) as number
      world.note('the clock of the store jumps')
    } else if (happens === 8 && dice.chance(0.5)) {
      world.note('the store is wiped')
      store.tables.wipe()
    } else if (happens === 9 && sim) {
      sim.wallOffsetMs += dice.int(-1e7, 1e7)
      world.note(`${sim.name}: the wall clock jumps`)
    } else if (happens === 10 && sim && this.nodes.filter((node) => !node.dead).length > 1) {
      world.note(`${sim.name} drains`)
      void sim.node.drain({ withinMs: 5_000 }).then(() => this.#kill(sim))
      world.at(dice.next() * 10_000, () => this.#calm || this.#boot())
    }
  }

  #pause(sim: SimNode, leastMs: number): void {
    if (sim.paused || sim.dead || this.#calm) return
    this.world.note(`${sim.name} is paused`)
    sim.paused = true
    sim.unwell.push({ by: 'pause', fromMs: this.world.nowMs })
    this.world.at(leastMs + this.world.dice.next() * 30_000, () => this.#wake(sim))
  }

  #reconnect(sim: SimNode): void {
    if (!sim.link.cut) return
    this.world.note(`${sim.name} reaches the store again`)
    this.#recovered(sim, 'cut')
    sim.link.heal()
  }

  #recovered(sim: SimNode, from: 'pause' | 'cut'): void {
    for (const time of sim.unwell) if (time.by === from) time.toMs ??= this.world.nowMs
  }

  #wake(sim: SimNode): void {
    if (!sim.paused) return
    this.#recovered(sim, 'pause')
    this.world.note(`${sim.name} goes on`)
    this.world.resume(sim)
  }

  #kill(sim: SimNode): void {
    if (sim.dead) return
    this.world.note(`${sim.name} dies with ${sim.open.size} connections`)
    sim.dead = true
    sim.open.clear()
  }

  #heal(): void {
    this.#calm = true
    this.world.note('--- calm ---')
    this.store.thaw()
    for (const sim of this.nodes) {
      this.#reconnect(sim)
      this.#wake(sim)
    }
    Object.assign(this.store.habits, { breakChance: 0, twiceChance: 0 })
    if (this.nodes.every((sim) => sim.dead || sim.node.phase === 'draining')) this.#boot()
  }

  async #stopAll(): Promise<void> {
    const stopping = this.nodes.filter((sim) => !sim.dead).map((sim) => sim.node.abandon())
    await this.world.run(2_000, () => {})
    await Promise.race([Promise.all(stopping), new Promise((resolve) => setImmediate(resolve))])
  }
}
