/** An org of the demo, and how many gateways it has: some want more than they may. */
export interface DemoOrg {
  readonly id: string
  readonly key: string
  readonly tier: keyof typeof DEMO_TIERS
  readonly gateways: number
  /** It asks again at once when it is refused, whatever it is told. */
  readonly hammers: boolean
}

export const DEMO_TIERS = { one: 1, three: 3, five: 5, ten: 10, twenty: 20 } as const

/** Legal names that a limiter must not trip over. */
const HOSTILE = ['__proto__', '{0}', '<script>alert(1)</script>', '🦄', 'a b\tc', "'; DROP TABLE orgs; --"]
const ORDINARY = 33

/** The same cast every time: org i of the ordinary ones has the tier, and wants what it wants, by its number. */
export function demoOrgs(): DemoOrg[] {
  const tiers = Object.keys(DEMO_TIERS) as (keyof typeof DEMO_TIERS)[]
  const named = [...Array.from({ length: ORDINARY }, (_, i) => `org-${String(i + 1).padStart(2, '0')}`), ...HOSTILE]
  const ordinary = named.map((id, i): DemoOrg => {
    const tier = tiers[i % tiers.length]!
    // A third wants less than it may, a third as much, and a third more.
    const gateways = Math.max(1, Math.round(DEMO_TIERS[tier] * [0.5, 1, 1.4][i % 3]!))
    return { id, key: `demo-key-${i + 1}`, tier, gateways, hammers: false }
  })
  return [...ordinary, { id: 'noisy-neighbour', key: 'demo-key-noisy', tier: 'three', gateways: 12, hammers: true }]
}

/** What HEADCOUNT_KEYS_FILE reads. */
export function demoKeyFile(orgs: readonly DemoOrg[]): string {
  const keys = orgs.map(({ id, key, tier }) => ({ key, orgId: id, gatewayId: `${id}-gateway`, tier }))
  return JSON.stringify({ keys })
}
