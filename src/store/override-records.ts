/** What an operator sets for an org: an exception to its limit, or the tier it is in. The exception wins. */
export type OverrideKind = 'override' | 'tier'

export interface OverrideTerms {
  /** `override` where absent. */
  readonly kind?: OverrideKind
  /** It ends by itself so long after, on the store's clock; never where absent. */
  readonly expiresInMs?: number | undefined
  /** What people see of it; kept as text, never interpreted by the store. */
  readonly details?: string
}

/** What was set last for an org, under a version that grows with every change. */
export interface OverrideRecord {
  readonly org: string
  readonly kind: OverrideKind
  readonly version: number
  /** Slots; `Infinity` for unlimited; `undefined` where it was cleared or has ended. */
  readonly limit: number | undefined
  readonly expiresInMs: number | undefined
  readonly details: string
}

export interface LearnReply {
  readonly records: readonly OverrideRecord[]
  /** Of what the store holds a record that no node has written: it says nothing, and what is known stays known (R1). */
  readonly unreadable: readonly Pick<OverrideRecord, 'org' | 'kind'>[]
  /** The version to ask after next. */
  readonly next: number
  readonly more: boolean
  /** Clears up to this version are forgotten: who has asked after an older one must begin anew at 0. */
  readonly floor: number
}

/**
 * `known`: the store has the same or something newer. `over`: admissions have resumed, and nothing is taken any more.
 */
export type RestoreVerdict = 'written' | 'known' | 'over'

/** What operators have set for one org, as it is in the store. */
export type OrgOverrides = { readonly [Kind in OverrideKind]?: Pick<OverrideRecord, 'limit' | 'details'> }

/** So many clears are remembered, so that a node that missed one does not write back what was cleared. */
export const CLEARS_REMEMBERED = 1_000
