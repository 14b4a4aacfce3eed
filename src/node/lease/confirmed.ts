import { type Fence, type Reply, type StoreConnection, StoreUnavailable } from '../../store/lease-store.js'
import type { Session } from './session.js'

/**
 * What the store answered to a change. Throws `StoreUnavailable` where it did not confirm it, and tells whether nobody
 * could be asked, nobody answered, or the answer was no: whoever reads that looks in another place each time.
 */
export async function confirmed<T>(
  session: Session | undefined,
  say: (connection: StoreConnection, fence: Fence) => Promise<Reply<T>>,
): Promise<T> {
  if (!session) throw new StoreUnavailable('no session is open')
  const reply = await session.call(say)
  if (reply.status === 'ok') return reply.value
  if (reply.status === 'unanswered') throw new StoreUnavailable(reply.cause)
  throw new StoreUnavailable(`lease ${reply.reason}`, 'refused')
}
