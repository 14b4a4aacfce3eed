import type { Admitted } from '../../src/core/admission.js'
import { type LeaseTiming, leaseTiming } from '../../src/core/lease-timing.js'
import type { Peer } from '../../src/core/peer.js'
import { LimiterNode } from '../../src/node/limiter-node.js'
import { Checks } from './checks.js'
import {
  type Controls,
  eagerRelease,
  givesUpAtOnce,
  isPlainDay,
  plant,
  repeatingLeases,
  takesForTold,
} from './controls.js'
import type { Dice } from './dice.js'
import { Faults } from './faults.js'
import { type Features, featuresOf, requestOf } from './features.js'
import { Operators } from './operators.js'
import { SimLink } from './sim-link.js'
import { SimStore } from './sim-store.js'
import { type Owner, World } from './world.js'

const ORGS = ['acme', 'globex', 'initech']
const LIMITS = [1, 3, 6]
const CLIENTS = 12

/** One node process with its clients. A restart is a new one. */
export interface SimNode extends Owner {
  readonly link: SimLink
  readonly node: LimiterNode
  readonly open: Set<OpenConnection>
  wallOffsetMs: number
  /** Its wall clock was set back, once. */
  wasSetBack: boolean
  drains: boolean
  /** It was led to another store than the others, once. */
  wasAstray: boolean
  /** Whom it let in without the store. */
  readonly debts: Set<string>
  /** Times during which the node was paused or cut off from the store; the last may still run. */
  readonly unwell: { readonly by: 'pause' | 'cut'; readonly fromMs: number; toMs?: number }[]
}

/** A client's connection, as the outside sees it: open from the answer to the close of its socket. */
export interface OpenConnection {
  readonly client: string
  readonly org: string
  readonly gateway: string
  readonly owner: SimNode
  readonly admitted: Admitted
}

export interface RunResult {
  readonly seed: number
  /** The first broken promise, with which the run ended. */
  readonly violation: string | undefined
  readonly history: readonly string[]
  readonly incidents: readonly string[]
  readonly admissions: number
}

/** The real node code and the twin in virtual time: a few minutes of a bad day, then calm, then the books. */
export class Scenario {
  readonly world: World
  readonly timing: LeaseTiming
  readonly store: SimStore
  readonly nodes: SimNode[] = []
  readonly checks: Checks
  readonly callsComeTwice: boolean
  readonly features: Features
  readonly orgs = ORGS
  readonly #faults = new Faults(this)
  readonly #operators = new Operators(this)
  readonly #controls: Controls
  /** What each client had last. */
  readonly #last = new Map<string, OpenConnection>()
  #booted = 0
  #calm = false
  /** No client comes any more. */
  #evening = false
  #admissions = 0

  constructor(seed: number, controls: Controls = {}, without: ReadonlySet<string> = new Set()) {
    this.world = new World(seed, without)
    const dice = this.world.diceFor('habits')
    const rough = dice.next()
    this.callsComeTwice = dice.chance(0.5)
    const onLeaseLost = dice.chance(controls.briefRecovery || controls.takesForTold ? 1 : 0.3) ? 'close' : 'rejoin'
    const waitsFor = controls.briefRecovery ? 'rejoin' : onLeaseLost
    this.timing = leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 250, onLeaseLost: waitsFor })
    this.features = featuresOf(this.world.diceFor('features'), { onLeaseLost, isPlain: isPlainDay(controls) })
    this.store = new SimStore(this.world, this.timing, {
      breakChance: 0.04 * rough,
      lateChance: 0.7,
      lateMs: 20_000,
      // Every other day nothing is delivered twice, and then the audit must never find anything to mend.
      twiceChance: this.callsComeTwice ? 0.01 * rough : 0,
    })
    this.#controls = controls
    this.checks = new Checks(this)
    for (let minds = 0; minds < 2; minds++) {
      plant(controls, this.store)
      this.checks.watchVerbs()
      this.store.leadElsewhere()
    }
  }

  limitOf(org: string): number {
    return LIMITS[ORGS.indexOf(org)] as number
  }

  async run(): Promise<RunResult> {
    const { world, checks } = this
    const dice = world.diceFor('day')
    const stormMs = dice.int(40_000, 120_000)
    for (let i = dice.int(2, 4); i > 0; i--) this.boot()
    for (let i = 1; i <= CLIENTS; i++) this.#client(`client ${i}`, 1)
    this.#faults.begin()
    if (this.features.operators) this.#operators.begin()
    const pass = (ms: number) => world.run(ms, () => checks.afterEvent())
    await pass(stormMs)

    this.#calm = true
    this.#operators.goHome()
    this.#faults.heal()
    await pass(2 * this.timing.ttlMs + 70_000)
    this.#evening = true
    // What was asked for last is decided, and what was ordered for it obeyed.
    await pass(15_000)
    checks.booksAgree('after the calm')
    for (const node of this.nodes) for (const connection of [...node.open]) this.#close(connection)
    await pass(5_000)
    checks.booksAgree('after all have left')
    checks.nobodyLeft()
    await this.#stopAll()
    const { seed, history, incidents } = world
    return { seed, violation: checks.violation, history, incidents, admissions: this.#admissions }
  }

  boot(): void {
    const name = `node-${++this.#booted}`
    const { world } = this
    const dice = world.diceFor(name)
    const owner = {
      name,
      paused: false,
      dead: false,
      sleptMs: 0,
      wasSetBack: false,
      wallOffsetMs: dice.int(-1e9, 1e9),
      drains: false,
      wasAstray: false,
    }
    const link = new SimLink(this.store, owner)
    if (this.#controls.repeatingLeases) repeatingLeases(link)
    if (this.#controls.eagerRelease) eagerRelease(link)
    if (this.#controls.takesForTold) takesForTold(link)
    if (this.#controls.givesUpAtOnce) givesUpAtOnce(link)
    const sim: SimNode = Object.assign(owner, {
      link,
      open: new Set<OpenConnection>(),
      debts: new Set<string>(),
      unwell: [],
      node: new LimiterNode({
        store: link,
        timing: this.#controls.noDeadline ? { ...this.timing, trustMs: Number.POSITIVE_INFINITY } : this.timing,
        clock: world.clock(owner, () => owner.wallOffsetMs),
        random: dice.next,
        connectionsPerOrg: 1,
        name,
        limits: this.features.limits,
        policies: this.features.policies,
      }),
    })
    this.nodes.push(sim)
    world.note(`${name} boots`)
    this.checks.watchNode(sim)
    link.whileTelling = (moment, dice) => this.#faults.whileTelling(moment, sim, dice)
    sim.node.events.on('debt.taken', ({ connectionId }) => sim.debts.add(connectionId))
    sim.node.events.on('drain.ordered', () => this.#faults.drain(sim, dice))
    sim.node.start()
  }

  /** A client that comes, stays for a while if it is let in, and comes again. */
  #client(client: string, visit: number): void {
    const { world } = this
    const name = `${client}, visit ${visit}`
    const dice = world.diceFor(name)
    if (this.#evening) return
    world.at(dice.next() * 4_000, () => this.#client(client, visit + 1))
    const sim = dice.pick(this.nodes.filter((node) => !node.dead))
    const asks = { client, visit: name, org: dice.pick(ORGS) as string, before: this.#last.get(client) }
    const request = requestOf(this.features, { ...asks, dice: world.diceFor(`${name}, request`) })
    const { org, gateway = name } = request
    const [leaves, pauses] = [dice.chance(0.1), dice.chance(0.01)]
    if (!sim || sim.paused || !world.happens(name)) return
    world.note(`${name}: asks ${sim.name} for ${org}`)
    const gone = new AbortController()
    if (leaves && world.happens(`${name}, leaves`)) {
      world.at(dice.next() * 6, () => gone.abort(), sim)
      gone.signal.addEventListener('abort', () => world.note(`${name}: has gone away`))
    }
    this.#admissions++
    // The cruellest moment for a pause: the question is on its way, the answer will lie unread.
    if (pauses && !this.#calm && world.happens(`${name}, pauses its node`)) {
      world.at(dice.next() * 4, () => this.#faults.pause(sim, 20_000, dice))
    }
    const asked = sim.node.admit({ ...request, limit: this.limitOf(org) }, gone.signal)
    gone.signal.addEventListener('abort', () => sim.link.left(name))
    asked.then((admission) => {
      if (admission.admitted && !sim.dead) {
        const opened = { client: name, org, gateway, owner: sim, admitted: admission }
        this.#last.set(client, opened)
        this.#opened(opened)
      } else if (!admission.admitted) world.note(`${name}: ${admission.code}`)
    })
  }

  #opened(connection: OpenConnection): void {
    const { world, checks } = this
    const { client, owner, admitted } = connection
    const dice = world.diceFor(`${client}, open`)
    world.note(`${client}: is let in, slot ${admitted.currentCount} of ${admitted.maxAllowed}`)
    checks.grantedUnderLiveLease(connection)
    owner.open.add(connection)
    const close = () => this.#close(connection)
    if (this.features.instances > 0) admitted.watch(this.#peer(connection, dice))
    const told = () => {
      world.note(`${client}: is told to close, ${admitted.lost.reason}`)
      checks.toldToClose(connection)
      world.at(dice.next() * (this.#calm ? 300 : this.features.closesMs), close, owner)
    }
    admitted.lost.addEventListener('abort', told)
    if (admitted.lost.aborted) told()
    if (this.#evening) close()
    else if (!this.#calm) world.at(dice.next() * this.features.staysMs, close, owner)
  }

  /** Half of the clients have lost their network when somebody asks for them. */
  #peer(connection: OpenConnection, dice: Dice): Peer {
    const { world } = this
    const isThere = dice.chance(0.5)
    return {
      isSilent: false,
      probe: (withinMs) =>
        new Promise((resolve) => {
          const end = () => {
            if (!isThere) this.#close(connection)
            resolve(isThere)
          }
          world.at(isThere ? dice.next() * 100 : withinMs, end, connection.owner)
        }),
    }
  }

  #close(connection: OpenConnection): void {
    if (connection.owner.dead || !connection.owner.open.delete(connection)) return
    this.world.note(`${connection.client}: closes`)
    connection.admitted.release()
  }

  async #stopAll(): Promise<void> {
    const stopping = this.nodes.filter((sim) => !sim.dead).map((sim) => sim.node.abandon())
    await this.world.run(2_000, () => {})
    await Promise.race([Promise.all(stopping), new Promise((resolve) => setImmediate(resolve))])
  }
}
