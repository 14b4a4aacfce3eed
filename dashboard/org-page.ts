import { type Api, orgPath } from './api.js'
import { byId, el, setLevel, setText, within } from './dom.js'
import { age, dateAndTime, levelOf, limitText, number, utilisation } from './format.js'
import { OrgActions } from './org-actions.js'
import { fillBar } from './orgs-panel.js'
import { Pager } from './pager.js'
import { RefusalList } from './refusal-list.js'
import { Rows } from './rows.js'
import type { Holder, OrgDetails, Refusal, SetLimit } from './types.js'

const REFRESH_MS = 2_000

/** The columns of a holder with their classes; where there is no room for a table, each cell says which it is. */
const COLUMNS = [
  ['Connection', 'id'],
  ['Gateway', ''],
  ['Instance', ''],
  ['Node', ''],
  ['Address', ''],
  ['Age', 'number'],
] as const

interface HolderRow {
  readonly element: HTMLElement
  readonly cells: readonly HTMLElement[]
  readonly button: HTMLButtonElement
  holder?: Holder
}

export interface OrgPageOptions {
  readonly api: Api
  readonly mayChange: () => boolean
}

/** One org: its limit and where that comes from, who holds the slots, and what an operator may do about it. */
export class OrgPage {
  readonly #options: OrgPageOptions
  readonly #actions: OrgActions
  readonly #refusals = new RefusalList(byId('org-refusals'), { linked: false })
  readonly #area = byId('holder-rows')
  readonly #rows: Rows<Holder, HolderRow>
  readonly #pager = new Pager(this.#area, byId('holder-pager'), () => this.#drawHolders())
  #org: string | undefined
  #details: OrgDetails | undefined
  #holders: readonly Holder[] = []
  #timer: number | undefined

  constructor(options: OrgPageOptions) {
    this.#options = options
    this.#actions = new OrgActions(options.api, () => void this.#refresh())
    this.#rows = new Rows(
      within(this.#area, 'tbody'),
      () => this.#makeRow(),
      (row, holder) => this.#fillRow(row, holder),
    )
    byId('set-limit').addEventListener('click', () => this.#details && this.#actions.setLimit(this.#details))
    byId('clear-limit').addEventListener('click', () => this.#details && this.#actions.clearLimit(this.#details))
    byId('disconnect-all').addEventListener('click', () => this.#details && this.#actions.disconnectAll(this.#details))
  }

  open(orgId: string): void {
    this.close()
    this.#org = orgId
    setText(byId('org-title'), orgId)
    setText(byId('org-count'), '–')
    byId('org-facts').replaceChildren()
    this.#refusals.clear()
    this.#pager.first()
    byId('org-title').focus()
    void this.#refresh()
    void this.#loadRefusals(orgId)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#org = undefined
    this.#details = undefined
    this.#holders = []
    this.#drawHolders()
  }

  /** What of the live stream is about this org. */
  add(refusals: readonly Refusal[]): void {
    this.#refusals.add(refusals.filter(({ orgId }) => orgId === this.#org))
  }

  async #loadRefusals(orgId: string): Promise<void> {
    const path = `refusals?org=${encodeURIComponent(orgId)}`
    const answer = await this.#options.api.get<{ refusals: Refusal[] }>(path)
    if (answer.ok && this.#org === orgId) this.#refusals.add(answer.body.refusals)
  }

  /** Asks anew every two seconds while the page is open and in sight. */
  async #refresh(): Promise<void> {
    clearTimeout(this.#timer)
    const orgId = this.#org
    if (orgId === undefined) return
    if (!document.hidden) {
      const { api } = this.#options
      const [details, holders] = await Promise.all([
        api.get<OrgDetails>(orgPath(orgId)),
        api.get<{ connections: Holder[] }>(`${orgPath(orgId)}/connections`),
      ])
      // The operator may have gone elsewhere meanwhile.
      if (this.#org !== orgId) return
      if (details.ok) this.#showDetails(details.body)
      if (holders.ok) this.#showHolders(holders.body.connections)
      const problem = details.ok ? (holders.ok ? undefined : holders.said) : details.said
      if (problem !== undefined) setText(byId('org-count'), problem)
    }
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#refresh(), REFRESH_MS)
  }

  #showDetails(details: OrgDetails): void {
    this.#details = details
    const utilised = utilisation(details)
    const count = byId('org-count')
    setText(count, `${number(details.currentCount)} of ${limitText(details.maxAllowed)}`)
    setLevel(count, levelOf(utilised))
    fillBar(byId('org-bar') as Element as SVGElement, utilised)
    const facts = factsOf(details)
    const told = JSON.stringify(facts)
    const list = byId('org-facts')
    if (list.dataset.told !== told) {
      list.dataset.told = told
      list.replaceChildren(...facts.map(([term, text]) => el('div', {}, el('dt', {}, term), el('dd', {}, text))))
    }
    byId('org-actions').hidden = !this.#options.mayChange()
    byId('clear-limit').hidden = details.override === null
    byId<HTMLButtonElement>('disconnect-all').disabled = details.currentCount === 0
  }

  #showHolders(holders: readonly Holder[]): void {
    this.#holders = [...holders].sort((a, b) => ((a.since ?? '') < (b.since ?? '') ? -1 : 1))
    this.#drawHolders()
  }

  #drawHolders(): void {
    this.#rows.show(this.#pager.cut(this.#holders), ({ connectionId }) => connectionId)
    within(this.#area, '.empty').hidden = this.#holders.length > 0
    within(this.#area, 'table').hidden = this.#holders.length === 0
  }

  #makeRow(): HolderRow {
    const cells = COLUMNS.map(([label, name]) => el('td', { class: name, 'data-label': label }))
    const button = el('button', { type: 'button', class: 'danger' }, 'Disconnect')
    const row: HolderRow = { element: el('tr', {}, ...cells, el('td', { class: 'number' }, button)), cells, button }
    button.addEventListener('click', () => row.holder && void this.#actions.disconnect(row.holder))
    return row
  }

  #fillRow(row: HolderRow, holder: Holder): void {
    row.holder = holder
    const { connectionId, lease, gateway = '–', instance = '–', node = `lease ${lease}`, address = '–', since } = holder
    const texts = [connectionId, gateway, instance, node, address, age(since, Date.now())]
    texts.forEach((text, i) => {
      setText(row.cells[i]!, text)
      row.cells[i]!.title = text
    })
    row.button.hidden = !this.#options.mayChange()
    row.button.setAttribute('aria-label', `Disconnect ${connectionId}`)
  }
}

/** Where the limit comes from, in words. */
function factsOf({ limitFrom, tier, override, assignedTier, maxAllowed }: OrgDetails): [string, string][] {
  const itsTier = tier === null ? 'its tier' : `its tier, ${tier}`
  const from = { override: 'set by an operator', tier: itsTier, default: 'the default' }[limitFrom]
  return [
    ['Limit', `${limitText(maxAllowed)}, ${from}`],
    ...(tier === null || limitFrom === 'tier' ? [] : [['Tier', tier] as [string, string]]),
    ...terms('Set', override),
    ...(assignedTier === null ? [] : terms('Tier set', assignedTier)),
  ]
}

function terms(term: string, set: SetLimit | null): [string, string][] {
  if (set === null) return []
  const { by, setAt, expiresAt, note } = set
  const told = [
    by && `by ${by}`,
    setAt && dateAndTime(setAt),
    expiresAt ? `until ${dateAndTime(expiresAt)}` : 'without end',
  ]
  return [[term, told.filter(Boolean).join(', ')], ...(note ? [['Why', note] as [string, string]] : [])]
}
