import { byId, el, setLevel, setText, within } from './dom.js'
import { age, duration, number } from './format.js'
import { Rows } from './rows.js'
import type { Node } from './types.js'

/** A node that is gone stays in sight for so long: who looks up must see that one has died. */
const REMEMBER_MS = 5 * 60_000

interface NodeRow {
  readonly element: HTMLElement
  readonly name: HTMLElement
  readonly held: HTMLElement
  readonly heartbeat: HTMLElement
}

/** The nodes with a lease, and for a while those that had one. */
export class NodesPanel {
  readonly #panel = byId('nodes')
  readonly #seen = new Map<number, { readonly node: Node; readonly atMs: number }>()
  readonly #rows = new Rows<Node, NodeRow>(within(this.#panel, 'tbody'), makeRow, (row, node) => this.#fill(row, node))
  #nowMs = 0

  show(nodes: readonly Node[], nowMs: number): void {
    this.#nowMs = nowMs
    for (const node of nodes) this.#seen.set(node.lease, { node, atMs: nowMs })
    for (const [lease, { atMs }] of this.#seen) if (nowMs - atMs > REMEMBER_MS) this.#seen.delete(lease)
    const known = [...this.#seen.values()].map(({ node }) => node)
    known.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.lease - b.lease))
    this.#rows.show(known, ({ lease }) => String(lease))
    within(this.#panel, 'table').hidden = known.length === 0
    const empty = within(this.#panel, '.empty')
    empty.hidden = known.length > 0
    setText(empty, 'No node has a lease.')
  }

  #fill({ element, name, held, heartbeat }: NodeRow, node: Node): void {
    const goneForMs = this.#nowMs - (this.#seen.get(node.lease)?.atMs ?? this.#nowMs)
    setText(name, node.name)
    const version = node.version === undefined ? '' : `, version ${node.version}`
    name.title = `${node.name}, lease ${node.lease}, up for ${age(node.startedAt, this.#nowMs)}${version}`
    setText(held, goneForMs > 0 ? '–' : number(node.connections))
    const told = `${node.late ? 'silent for ' : ''}${duration(node.heartbeatAgeMs)}${node.late ? '' : ' ago'}`
    setText(heartbeat, goneForMs > 0 ? `gone for ${duration(goneForMs)}` : told)
    setLevel(element, goneForMs > 0 ? 'gone' : node.late ? 'bad' : '')
  }
}

function makeRow(): NodeRow {
  const name = el('td')
  const held = el('td', { class: 'number' })
  const heartbeat = el('td', { class: 'number level' })
  return { element: el('tr', {}, name, held, heartbeat), name, held, heartbeat }
}
