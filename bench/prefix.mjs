/** In front of all that a benchmark writes. */
export const PREFIX = 'headcount-bench:'

/** Empties a Redis that others use too of what was written here. */
export async function forget(redis) {
  // One of the rivals puts something of its own in front.
  for await (const keys of redis.scanStream({ match: `*${PREFIX}*`, count: 1_000 })) {
    if (keys.length > 0) await redis.unlink(...keys)
  }
}
