/**
 * What is written first, before anybody thinks of two at once: count, and add if there is room. Two commands, between
 * which others do the same. It shows that the storm is one.
 */
export function lookThenAdd({ plain, prefix }) {
  const key = (org) => `${prefix}naive:${org}`
  return {
    name: 'SCARD, then SADD',
    async acquire([{ org, id, roomy }]) {
      if ((await plain.scard(key(org))) >= roomy) return [false]
      await plain.sadd(key(org), id)
      return [true]
    },
    async beat() {},
  }
}
