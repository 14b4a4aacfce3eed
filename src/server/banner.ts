import { DEMO_KEYS } from '../identity/demo-keys.js'
import type { Config } from './config.js'
import { ENDPOINT } from './endpoint.js'
import type { RunningServer } from './server.js'

const ALL_INTERFACES = ['0.0.0.0', '::']

/** What a person sees at start: where to connect, with which key, and what is not fit for production yet. */
export function banner(config: Config, server: RunningServer): string[] {
  const lines = [
    `headcount listens on ${shown('ws', config.host, server.port)}${ENDPOINT}`,
    `  limit   ${config.maxConnectionsPerOrg} connections per org, ${config.maxConnections} on this node`,
    `  store   ${server.storeDescription}`,
    `  admin   ${shown('http', config.adminHost, server.adminPort)}`,
  ]
  if (config.adminToken === undefined) lines.push(`  token   ${server.adminToken} (made for this run; set ADMIN_TOKEN)`)
  if (server.embedded) {
    lines.push('  !       the embedded store serves this process alone; set REDIS_URL for a cluster')
  }
  if (config.demoKeys) {
    lines.push(`  !       demo keys in use, this machine only: ${DEMO_KEYS.join(', ')}; set HEADCOUNT_KEYS_FILE`)
  }
  return lines
}

/** Nobody can connect to "all interfaces"; from this machine the loopback is one of them. */
function shown(scheme: string, host: string | undefined, port: number): string {
  const isAll = host === undefined || ALL_INTERFACES.includes(host)
  return isAll ? `all interfaces, e.g. ${scheme}://127.0.0.1:${port}` : `${scheme}://${bracketed(host)}:${port}`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
