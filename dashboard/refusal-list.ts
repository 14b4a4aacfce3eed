import type { ClosingCode, RefusalCode } from '../src/core/closures.js'
import { el, within } from './dom.js'
import { limitText, timeOfDay } from './format.js'
import { Rows } from './rows.js'
import type { Refusal } from './types.js'

const MOST = 100
const MINUTE_MS = 60_000

/** What each code means, in words that need no manual. */
const WORDS: Readonly<Record<RefusalCode | ClosingCode, string>> = {
  UNAUTHENTICATED: 'unknown or missing key',
  ORG_DISABLED: 'the key or its org is disabled',
  NOT_FOUND: 'no endpoint at that path',
  BAD_HANDSHAKE: 'malformed handshake',
  UPGRADE_REQUIRED: 'no WebSocket',
  ORG_CONNECTION_LIMIT_EXCEEDED: 'full',
  INSTANCE_CONNECTION_LIMIT_EXCEEDED: 'the instance is connected already',
  GATEWAY_CONNECTION_LIMIT_EXCEEDED: 'the gateway is full',
  ADDRESS_CONNECTION_LIMIT_EXCEEDED: 'too many from this address',
  SCOPE_CONNECTION_LIMIT_EXCEEDED: 'a further limit is reached',
  CONNECTION_RATE_LIMIT_EXCEEDED: 'too many attempts',
  CLUSTER_CAPACITY_EXCEEDED: 'the cluster is full',
  NODE_CAPACITY_EXCEEDED: 'the node is full',
  STARTING: 'the node is starting',
  DRAINING: 'the node is stopping',
  RECOVERING: 'the store is being rebuilt',
  STORE_UNAVAILABLE: 'the store does not answer',
  IDENTITY_UNAVAILABLE: 'nobody could say whose credential it is',
  ADMISSION_UNDECIDED: 'the node could not decide',
  STORE_AWAY: 'closed: the store was away too long',
  KEY_REVOKED: 'closed: the credential was revoked',
  LEASE_LOST: 'closed: no slot left after a lost lease',
  EVICTED: 'closed by an operator',
  TAKEN_OVER: 'closed: its client came back',
  OVER_LIMIT: 'closed: the org held too many',
}

interface RefusalRow {
  readonly element: HTMLElement
}

/** The newest refusals first, each in words, with its request id to search the logs for. */
export class RefusalList {
  readonly #panel: HTMLElement
  readonly #linked: boolean
  readonly #rows: Rows<Refusal, RefusalRow>
  #known: Refusal[] = []

  /** `linked`: whether the name of an org leads to its page. */
  constructor(panel: HTMLElement, { linked }: { readonly linked: boolean }) {
    this.#panel = panel
    this.#linked = linked
    // A refusal never changes, so a row is filled when it is made.
    this.#rows = new Rows<Refusal, RefusalRow>(
      within(panel, 'ol'),
      () => ({ element: el('li') }),
      (row, refusal) => this.#fill(row, refusal),
    )
    this.#draw()
  }

  /** Adds what is new; what is known already is not told twice. */
  add(refusals: readonly Refusal[]): void {
    const known = new Set(this.#known.map(keyOf))
    const fresh = refusals.filter((refusal) => !known.has(keyOf(refusal)))
    if (fresh.length === 0) return
    const all = [...fresh, ...this.#known].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
    this.#known = all.slice(0, MOST)
    this.#draw()
  }

  /** Refusals of the minute before a time of the server. What was closed stands in the list too, without a request. */
  lastMinute(serverMs: number): number {
    const isRecent = ({ at, requestId }: Refusal) => requestId !== undefined && Date.parse(at) > serverMs - MINUTE_MS
    return this.#known.filter(isRecent).length
  }

  clear(): void {
    this.#known = []
    this.#draw()
  }

  #draw(): void {
    this.#rows.show(this.#known, keyOf)
    within(this.#panel, '.empty').hidden = this.#known.length > 0
  }

  #fill({ element }: RefusalRow, refusal: Refusal): void {
    if (element.hasChildNodes()) return
    const { at, code, orgId, gatewayId, address, node } = refusal
    const words = wordsOf(code)
    const name = orgId === undefined ? [] : [this.#linked ? orgLink(orgId) : orgId, ': ']
    const who = [gatewayId, address && `from ${address}`].filter(Boolean).join(' ')
    element.append(
      el('p', {}, soft(timeOfDay(at)), ' ', ...name, `${words}${counts(refusal)} `, soft(who)),
      el('p', { class: 'detail' }, [code, node].filter(Boolean).join(' · ')),
      el('p', { class: 'id' }, keyOf(refusal)),
    )
  }
}

/** A code that this version does not know speaks for itself. */
function wordsOf(code: string): string {
  return (WORDS as Readonly<Record<string, string>>)[code] ?? code
}

/** Where the page of an org is. */
export function orgHash(org: string): string {
  return `#/org/${encodeURIComponent(org)}`
}

export function orgLink(org: string): HTMLAnchorElement {
  return el('a', { href: orgHash(org) }, org)
}

function soft(text: string): HTMLElement {
  return el('span', { class: 'soft' }, text)
}

/** By what the logs and the client know it. */
function keyOf({ requestId, connectionId, at }: Refusal): string {
  return requestId ?? connectionId ?? at
}

function counts({ currentCount, maxAllowed }: Refusal): string {
  return currentCount === undefined || maxAllowed === undefined ? '' : `, ${currentCount} of ${limitText(maxAllowed)}`
}
