import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** What operators see of a node that was given no name: its host's, and a part that is another at each start. */
export function defaultNodeName(): string {
  return `${hostname()}#${randomBytes(3).toString('hex')}`
}
