import type { EventEmitter } from 'node:events'
import { UsageError } from '../core/errors.js'
import { checkGiven, type Kind } from '../core/given.js'
import type { GateOptions } from '../gate/gate-options.js'
import type { RateOptions } from '../gate/rates.js'
import type { WebSocketServer } from '../gate/ws-gate.js'

/** What `attach` is told: as `GateOptions` says it. */
export type AttachOptions = Pick<GateOptions, 'identify'> &
  Partial<
    Pick<
      GateOptions,
      | 'accepts'
      | 'maxConnections'
      | 'pongTimeoutMs'
      | 'upgradeTimeoutMs'
      | 'rates'
      | 'trustedProxies'
      | 'reject'
      | 'observer'
    >
  >

/** What has an `upgrade` event: a server of `node:http` or `node:https`, or what Hono's `serve` returns. */
export type UpgradeSource = Pick<EventEmitter, 'on' | 'off' | 'listenerCount'>

/** All of the type, or this does not compile. */
const OPTIONS: Readonly<Record<keyof AttachOptions, Kind>> = {
  identify: 'function',
  accepts: 'function',
  maxConnections: 'limit',
  pongTimeoutMs: 'number',
  upgradeTimeoutMs: 'number',
  rates: 'object',
  trustedProxies: 'string',
  reject: 'any',
  observer: 'object',
}

const RATES: Readonly<Record<keyof RateOptions, Kind>> = { perAddress: 'limit', perKey: 'limit', perNode: 'limit' }
const INNER = Object.keys(RATES).map((name) => `rates.${name}`)

/**
 * Throws `INVALID_SETTINGS` for arguments that are left out or in the wrong order and for options that are none or of the
 * wrong kind, which types would have told, `INVALID_LIMIT` for a limit that is none, `WSS_NOT_DETACHED` for a server that takes
 * upgrades by itself, and `UPGRADE_TAKEN` where somebody else listens for upgrades already.
 */
export function checkAttached(server: UpgradeSource, wss: WebSocketServer, options: AttachOptions): void {
  const isServer = has(server, 'on') && has(server, 'off') && has(server, 'listenerCount')
  if (!isServer || !has(wss, 'handleUpgrade') || typeof options !== 'object' || options === null) {
    throw new UsageError(
      'INVALID_SETTINGS',
      'attach takes the HTTP server, a WebSocketServer made with { noServer: true }, and options with `identify`, in this order',
    )
  }
  checkGiven(options, { kinds: OPTIONS, elsewhere: INNER })
  checkGiven(options.rates ?? {}, { kinds: RATES, within: 'rates' })
  // First, because who listens already may be this very one, and to take that off is no remedy.
  if (wss.options.noServer !== true) {
    throw new UsageError(
      'WSS_NOT_DETACHED',
      'the WebSocketServer must be created with { noServer: true }, or it accepts upgrades past the limit',
    )
  }
  if (server.listenerCount('upgrade') > 0) throw upgradeTaken()
}

export function upgradeTaken(): UsageError {
  return new UsageError(
    'UPGRADE_TAKEN',
    'the server has another listener for `upgrade`, and both answer each of them: take it off, or hand each its own ' +
      'upgrades, as docs/library.md says under "Beside others"',
  )
}

function has(owner: unknown, method: string): boolean {
  return typeof (owner as Record<string, unknown> | null | undefined)?.[method] === 'function'
}
