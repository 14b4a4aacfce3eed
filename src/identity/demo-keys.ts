import { digestOf } from './digest.js'
import type { IdentitySource } from './identity-source.js'
import type { KeyEntry } from './key-file-schema.js'
import { KeyRing } from './key-ring.js'

/** Printed in the README, so anybody may know them: the configuration allows them on loopback only. */
export const DEMO_KEYS = ['demo-key-acme', 'demo-key-globex'] as const

/** The keys of a server without any other: `demo-key-acme` is of org `acme`, and so on, under the default limit. */
export function demoKeys(): IdentitySource {
  const ring = KeyRing.of(
    DEMO_KEYS.map((key): KeyEntry => {
      const org = key.replace('demo-key-', '')
      return { sha256: digestOf(key), org, gateway: `${org}-gateway`, disabled: false }
    }),
  )
  return { identify: (key) => ring.identify(key), mayStay: () => true, stop() {} }
}
