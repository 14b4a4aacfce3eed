import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './owned-process.js'

/** An authority of this test's own, and what it has signed; all are paths of PEM files. */
export interface Certificates {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** The server's certificate is for the address 127.0.0.1 and the name redis.test, valid for a day. */
export function makeCertificates(): Certificates {
  const directory = temporaryDirectory()
  const at = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', timeout: 20_000 })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const ca = at('ca.pem')
  openssl('req', '-x509', ...curve, '-keyout', at('ca.key'), '-out', ca, '-days', '1', '-subj', '/CN=test authority')
  const signed = (name: string) => {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) => at(`${name}.${end}`)) as [
      ...[string, string, string, string],
    ]
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:redis.test\n')
    openssl('req', '-new', ...curve, '-keyout', key, '-out', request, '-subj', `/CN=${name}`)
    const by = ['-CA', ca, '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', extensions]
    openssl('x509', '-req', '-in', request, '-out', cert, '-days', '1', ...by)
    return { cert, key }
  }
  return { ca, server: signed('server'), client: signed('client') }
}
