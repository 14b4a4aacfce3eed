import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { TlsSettings } from './url.js'

/**
 * Reads the certificates that a connection needs. Done for each connection anew, so that renewed ones need no restart.
 * Throws an Error that names the file that cannot be read.
 */
export function readTls({ ca, cert, key, servername }: TlsSettings): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca: readPem('ca', ca) }),
    ...(cert !== undefined && { cert: readPem('cert', cert) }),
    ...(key !== undefined && { key: readPem('key', key) }),
    ...(servername !== undefined && { servername }),
  }
}

function readPem(option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`the file of the option "${option}" cannot be read: ${(error as Error).message}`)
  }
}
