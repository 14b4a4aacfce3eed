import type { EventEmitter } from 'node:events'
import type { GateOptions } from '../gate/gate-options.js'

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
