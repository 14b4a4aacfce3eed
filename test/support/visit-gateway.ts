import { onTestFinished } from 'vitest'
import { connectGateway, type GatewayOptions, type GatewayResult } from './gateways.js'

/** As `connectGateway`; who is let in leaves when the test is finished. */
export async function visitGateway(url: string, options: GatewayOptions): Promise<GatewayResult> {
  const result = await connectGateway(url, options)
  if (result.accepted) onTestFinished(async () => void (await result.close()))
  return result
}
