import type { Api } from './api.js'
import { byId, el, setLevel, setText, svg, within } from './dom.js'
import { levelOf, limitText, number, utilisation } from './format.js'
import { OrgDirectory } from './org-directory.js'
import { Pager } from './pager.js'
import { orgHash, orgLink } from './refusal-list.js'
import { Rows } from './rows.js'
import type { Org, Snapshot } from './types.js'

interface OrgRow {
  readonly element: HTMLElement
  readonly bar: SVGElement
  readonly held: HTMLElement
  readonly limit: HTMLElement
}

const NOT_HEARD = 'Nothing is known yet.'
const NOBODY =
  'No org holds a connection. Try, with a key of yours (demo-key-acme where the nodes have no others):\n' +
  'npm run headcount -- connect --key KEY -n 5'

/** The orgs, the fullest first, as many as fit, and a search over all of them. */
export class OrgsPanel {
  readonly #area = byId('org-rows')
  readonly #search = byId<HTMLInputElement>('search')
  readonly #rows = new Rows<Org, OrgRow>(within(this.#area, 'tbody'), makeRow, fillRow)
  readonly #pager = new Pager(this.#area, byId('org-pager'), () => this.#draw())
  readonly #directory: OrgDirectory
  /** Before anything was heard, that no org is known says nothing about orgs. */
  #heard = false

  constructor(api: Api) {
    this.#directory = new OrgDirectory(api, () => this.#draw())
    this.#search.addEventListener('input', () => {
      this.#pager.first()
      this.#draw()
    })
    byId('search-form').addEventListener('submit', (event) => {
      event.preventDefault()
      const [first] = this.#found()
      if (first) location.hash = orgHash(first.orgId)
    })
  }

  show({ orgs, totals }: Snapshot): void {
    this.#heard = true
    this.#directory.tell(orgs, totals.orgs)
    this.#draw()
  }

  #found(): readonly Org[] {
    const sought = this.#search.value.trim().toLowerCase()
    const known = this.#directory.known
    const found = sought === '' ? known : known.filter(({ orgId }) => orgId.toLowerCase().includes(sought))
    return [...found].sort(byUse)
  }

  #draw(): void {
    const found = this.#found()
    const sought = this.#search.value.trim()
    this.#rows.show(this.#pager.cut(found), ({ orgId }) => orgId)
    const empty = within(this.#area, '.empty')
    empty.hidden = found.length > 0
    within(this.#area, 'table').hidden = found.length === 0
    if (!this.#heard) setText(empty, NOT_HEARD)
    else if (sought !== '') setText(empty, 'No org that holds a slot or has a limit of its own has this in its id.')
    else setText(empty, NOBODY)
    const { total } = this.#directory
    setText(
      byId('orgs-title'),
      total > found.length && sought === '' ? `Orgs: the fullest of ${number(total)}` : 'Orgs',
    )
    if (sought !== '' || this.#pager.page > 0) void this.#directory.lookFurther()
  }
}

/** The fullest first; of equals the larger, then by name, so that nothing swaps places for no reason. */
function byUse(a: Org, b: Org): number {
  return utilisation(b) - utilisation(a) || b.currentCount - a.currentCount || (a.orgId < b.orgId ? -1 : 1)
}

function makeRow(orgId: string): OrgRow {
  const bar = svg('svg', { class: 'bar', 'aria-hidden': 'true' }, svg('rect'))
  const held = el('td', { class: 'number level' })
  const limit = el('td', { class: 'number' })
  const name = el('td', { title: orgId }, orgLink(orgId))
  return { element: el('tr', {}, name, el('td', {}, bar), held, limit), bar, held, limit }
}

function fillRow({ element, bar, held, limit }: OrgRow, org: Org): void {
  const utilised = utilisation(org)
  setLevel(element, levelOf(utilised))
  setText(held, number(org.currentCount))
  setText(limit, limitText(org.maxAllowed))
  fillBar(bar, utilised)
}

/** As wide as the part of the limit that is in use. */
export function fillBar(bar: SVGElement, utilised: number): void {
  setLevel(bar, levelOf(utilised))
  within(bar, 'rect').setAttribute('width', `${Math.min(100, utilised * 100).toFixed(1)}%`)
}
