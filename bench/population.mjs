/** A prime that divides no population we use: walking by it visits every org once, in no order Redis could like. */
const STRIDE = 7919

/** The orgs that are there before anything is measured, each with its connections. */
export function population({ orgs, connectionsPerOrg }) {
  return Array.from({ length: orgs }, (_, index) => ({
    index,
    org: orgName(index),
    ids: Array.from({ length: connectionsPerOrg }, (_, i) => connectionName(index, i)),
  }))
}

/**
 * `count` attempts by as many different orgs, in calls of `size`. A call comes from one node. Under the limit `roomy`
 * an org takes one connection more, under `full` none. Who shares a population with others is the `turn`-th of them, and
 * gets orgs of its own.
 */
export function attempts({ orgs, connectionsPerOrg, nodes }, { start, turn, count, size }) {
  const skipped = turn * count
  if (skipped + count > orgs)
    throw new RangeError(`${skipped + count} attempts need as many orgs, and there are ${orgs}`)
  return Array.from({ length: count / size }, (_, call) =>
    Array.from({ length: size }, (_, i) => {
      const index = (start + (skipped + call * size + i) * STRIDE) % orgs
      return {
        org: orgName(index),
        id: connectionName(index, connectionsPerOrg),
        node: call % nodes,
        roomy: connectionsPerOrg + 1,
        full: connectionsPerOrg,
      }
    }),
  )
}

/** `count` of the connections that are there, in calls of `size`. */
export function beats({ orgs, connectionsPerOrg }, { start, count, size }) {
  return Array.from({ length: count / size }, (_, call) =>
    Array.from({ length: size }, (_, i) => {
      const n = start + (call * size + i) * STRIDE
      const index = n % orgs
      return { org: orgName(index), id: connectionName(index, n % connectionsPerOrg), full: connectionsPerOrg }
    }),
  )
}

function orgName(index) {
  return `org-${index.toString().padStart(6, '0')}`
}

function connectionName(index, i) {
  return `${index.toString(36)}-${i}`
}
