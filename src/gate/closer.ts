import type { Clock } from '../core/clock.js'
import { type ClosingCode, closings } from '../core/closures.js'
import { FairShare } from '../core/structures/fair-share.js'
import type { Upgrade } from './upgrade.js'

interface CloserParts {
  readonly clock: Clock
  /** How long a peer may take to answer our close frame. */
  readonly closeTimeoutMs: number
}

/**
 * So many peers of connections that were taken over are waited for. The slot of such a one is another's already, while its
 * socket still counts as one of this node's: a client that takes its own connections over as fast as it can shall not fill
 * the node with them (S5). Who comes beyond is cut off at once.
 */
const TAKEN_OVER_AT_ONCE = 64

/** Closes open connections, each once, and cuts off whose peer does not answer in time. */
export class Closer {
  readonly #parts: CloserParts
  readonly #takenOver = new FairShare(TAKEN_OVER_AT_ONCE)

  constructor(parts: CloserParts) {
    this.#parts = parts
  }

  close(upgrade: Upgrade, code: ClosingCode): void {
    const { link } = upgrade
    if (link === undefined || upgrade.closing !== undefined) return
    upgrade.closing = code
    link.close(closings[code].close, closings[code].reason)
    if (code === 'TAKEN_OVER' && !this.#mayWait(upgrade)) link.terminate()
    else upgrade.atClose(this.#parts.clock.after(this.#parts.closeTimeoutMs, () => link.terminate()))
  }

  #mayWait(upgrade: Upgrade): boolean {
    const { org } = upgrade.identity!
    if (!this.#takenOver.enter(org)) return false
    upgrade.atClose(() => this.#takenOver.leave(org))
    return true
  }
}
