/**
 * The reference: what any script costs that is given three keys and four arguments and does nothing with them. They
 * are such as a limiter would send (an org's key, a lease, an id, a limit), since Redis must copy them into Lua.
 */
export function emptyScript({ plain, pipelined, prefix }) {
  for (const client of [plain, pipelined]) client.defineCommand('benchEmpty', { numberOfKeys: 3, lua: 'return 1' })
  const run = async (items) => {
    const client = items.length > 1 ? pipelined : plain
    const call = ({ org, id, node, roomy }) =>
      client.benchEmpty(
        `${prefix}empty:live`,
        `${prefix}empty:conns:${node}`,
        `${prefix}empty:org:${org}`,
        org,
        id,
        node,
        roomy,
      )
    const replies = await Promise.all(items.map(call))
    return replies.map((reply) => reply === 1)
  }
  return {
    name: 'script that does nothing',
    commands: { acquire: 'evalsha' },
    populate: async () => {},
    acquire: run,
  }
}
