import { admissions, value } from './headcount.mjs'

/** Limits that bind nobody here: what is measured is that they are looked at. */
const ROOMY = 1e6

const gateway = ({ org }) => ({ name: 'gateway', id: `${org}/gateway-1`, limit: ROOMY })
/** Each org comes from an address of its own. */
const address = ({ org }) => {
  const number = Number(org.slice(-6))
  return { name: 'address', id: `10.0.${number >> 8}.${number & 255}`, limit: ROOMY }
}
const cluster = () => ({ name: 'cluster', id: '', limit: ROOMY })

/** The scopes of the connections that are there from the beginning, so that the sets of these scopes are of a real size. */
export const allScopes = (item) => [gateway(item), address(item), cluster()]

/**
 * What is asked of the same store, with one thing more each; the first with nothing more, so that one sees what the noise
 * is. What must be there first, and is cleared away afterwards, is not measured.
 */
export function furtherCosts({ wiring, commands }) {
  const withScopes = (name, ...scopes) => ({
    name,
    commands,
    ...admissions({ ...wiring, scopesOf: (item) => scopes.map((scope) => scope(item)) }),
  })
  return [
    withScopes('nothing more'),
    withScopes('limit of the gateway', gateway),
    withScopes('… and of the address', gateway, address),
    withScopes('… and of the cluster', gateway, address, cluster),
    overridden(wiring, commands),
    takeover(wiring, commands),
  ].map((system, turn) => ({ ...system, turn }))
}

/** Orgs for which an operator has set the number that each would have had anyway. */
function overridden(wiring, commands) {
  const { connection, fenceOf } = wiring
  const setAll = (calls, limitOf) =>
    inTurn(calls, (items) =>
      Promise.all(items.map((item) => connection.override(fenceOf(item), item.org, limitOf(item)))),
    )
  return {
    name: 'an override',
    commands,
    ...admissions(wiring),
    before: (operation, calls) =>
      setAll(calls, { acquire: ({ roomy }) => roomy, refuse: ({ full }) => full, release: () => undefined }[operation]),
    after: (operation, calls) => (operation === 'release' ? undefined : setAll(calls, () => undefined)),
  }
}

/** In place of an acquire: the fourth of 4 slots of the org is taken over from another connection of the same node. */
function takeover(wiring, commands) {
  const { connection, fenceOf } = wiring
  const earlier = admissions(wiring)
  const ask = (fence, claims, items) =>
    connection.takeover(
      fence,
      claims.map((claim, i) => ({ ...claim, replaces: earlier.held.get(items[i].id).id })),
    )
  const { acquire, release } = admissions({ ...wiring, ask })
  return {
    name: 'a takeover',
    commands: { acquire: commands.acquire },
    acquire,
    before: (_, calls) => inTurn(calls, earlier.acquire),
    async after(_, calls) {
      await inTurn(calls, async (items) => {
        const orders = items.map(({ id }) => ({ kind: 'takeover', id: earlier.held.get(id).id }))
        await earlier.release(items)
        value(await connection.confirm(fenceOf(items[0]), orders))
        await release(items)
      })
    },
  }
}

async function inTurn(calls, work) {
  for (const items of calls) await work(items)
}
