import { onTestFinished } from 'vitest'
import type { Accepted } from './gateways.js'
import type { TcpProxy } from './tcp-proxy.js'

/**
 * The client that came through this proxy has no network any more, until the test is finished: nothing arrives on either
 * side, not even its end.
 */
export function cutNetwork(proxy: TcpProxy, client: Pick<Accepted, 'terminate'>): void {
  proxy.hold()
  proxy.holdReplies()
  client.terminate()
  onTestFinished(() => {
    proxy.cutAll()
    proxy.release()
    proxy.releaseReplies()
  })
}
