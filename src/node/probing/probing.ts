import type { RenewReply } from '../../store/lease-store.js'
import { FarProbes, type FarProbesParts } from './far-probes.js'
import { Prober, type ProberParts } from './prober.js'

/** What a silent peer has to answer where nobody says otherwise. */
export const PROBE_TIMEOUT_MS = 1_000

type Parts = Omit<ProberParts & FarProbesParts, 'timeoutMs' | 'confirmMs'> & { readonly timeoutMs: number | undefined }

/** The search for silent peers of full scopes: of this node, and by the others. */
export class Probing {
  readonly near: Prober
  readonly far: FarProbes

  /** Peers have `timeoutMs` to answer; 1 s where absent, 0 to ask nobody anywhere. */
  constructor({ timeoutMs = PROBE_TIMEOUT_MS, ...parts }: Parts) {
    this.near = new Prober({ ...parts, timeoutMs, confirmMs: parts.timing.callTimeoutMs })
    this.far = new FarProbes({ ...parts, timeoutMs })
  }

  /** Told of every renewal. */
  heard({ liveNodes, probes }: RenewReply): void {
    this.far.heard(liveNodes)
    for (const scope of probes) this.near.look(scope)
  }
}
