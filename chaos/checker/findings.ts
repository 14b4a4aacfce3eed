/** A promise that was broken, as the records show it. */
export interface Finding {
  readonly promise: string
  readonly t: number
  readonly what: string
}

/** How near a promise came to being broken; of many, the report shows the worst for each fault. */
export interface Figure {
  readonly promise: string
  readonly what: string
  /** The fault that the figure is due to. */
  readonly fault: string
  readonly seen: number
  readonly allowed: number
  readonly unit: 'ms' | 'connections' | '%' | 'MB'
}

/** What one part of the checker has to say. */
export interface Verdict {
  readonly findings: readonly Finding[]
  readonly figures: readonly Figure[]
}
