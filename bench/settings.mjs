/**
 * How much is run. The population is what a mid-sized service holds: many small orgs, their connections spread over
 * the nodes, so that no set and no hash is unrealistically short or hot.
 */
const FULL = {
  nodes: 20,
  orgs: 33_000,
  connectionsPerOrg: 3,
  /** Rounds that count; one more goes before them to warm caches, connections and compilers. */
  rounds: 31,
  /**
   * Items a round, for each system and operation, one a call and batched. Few, and many rounds: what else runs on the
   * machine then spoils some samples and not the median.
   */
  singles: 500,
  batched: 1_500,
  batchSize: 50,
  /** Calls that wait for an answer at the same time while one item a call is measured. */
  inFlight: 32,
  /** Connections that beat once a round, for systems in which each connection refreshes itself. */
  beating: 5_000,
  idleRounds: 11,
}

const QUICK = { ...FULL, orgs: 10_000, rounds: 7, singles: 400, batched: 1_000, beating: 2_000, idleRounds: 5 }

/** How often a connection of the rivals refreshes itself, and a node of ours renews: what each would do by default. */
export const BEAT = { rivalMs: 10_000, renewMs: 3_000 }

export function settings({ quick }) {
  const chosen = quick ? QUICK : FULL
  return { ...chosen, connections: chosen.orgs * chosen.connectionsPerOrg }
}
