import type { Api } from './api.js'
import { byId, setText } from './dom.js'
import type { Node, NodeSettings } from './types.js'

/** Whoever did not answer is asked again after so long, and not with each snapshot. */
const AGAIN_MS = 10_000

/**
 * Says below the nodes in what they differ. Snapshots tell their versions; their settings, which never change while a node
 * lives, are asked for when there are other nodes than before.
 */
export class NodeDifferences {
  readonly #api: Api
  readonly #line = byId('nodes-differ')
  #versions: readonly string[] = []
  #settings: readonly string[] = []
  /** The leases of the nodes whose settings are known. */
  #known = ''
  #askedAtMs = 0
  #asking = false

  constructor(api: Api) {
    this.#api = api
  }

  show(nodes: readonly Node[], nowMs: number): void {
    const named = nodes.map(({ version = 'one that is not told' }) => version)
    this.#versions = [...new Set(named)].sort()
    this.#draw()
    const leases = nodes.map(({ lease }) => lease).sort((one, other) => one - other)
    if (leases.join() !== this.#known && !this.#asking && nowMs - this.#askedAtMs >= AGAIN_MS) void this.#ask(nowMs)
  }

  async #ask(nowMs: number): Promise<void> {
    this.#asking = true
    this.#askedAtMs = nowMs
    const answer = await this.#api.get<{ nodes: NodeSettings[] }>('nodes')
    this.#asking = false
    if (!answer.ok) return
    const { nodes } = answer.body
    this.#known = nodes
      .map(({ lease }) => lease)
      .sort((one, other) => one - other)
      .join()
    this.#settings = differing(nodes)
    this.#draw()
  }

  #draw(): void {
    const versions = this.#versions.length > 1 ? [`Versions differ: ${this.#versions.join(', ')}.`] : []
    const settings =
      this.#settings.length > 0
        ? [`Settings differ: ${this.#settings.join(', ')}. After a deploy see headcount doctor.`]
        : []
    this.#line.hidden = versions.length + settings.length === 0
    setText(this.#line, [...versions, ...settings].join(' '))
  }
}

/** A node that does not tell one is of another version, and may have any value. */
function differing(nodes: readonly NodeSettings[]): string[] {
  const values = new Map<string, Set<string>>()
  for (const { settings = {} } of nodes) {
    for (const [name, value] of Object.entries(settings))
      values.set(name, (values.get(name) ?? new Set()).add(String(value)))
  }
  return [...values].flatMap(([name, told]) => (told.size > 1 ? [name] : [])).sort()
}
