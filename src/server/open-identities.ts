import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import { CallbackClient } from '../identity/callback-client.js'
import { CALLBACK_PLACES } from '../identity/callback-places.js'
import { CallbackSource } from '../identity/callback-source.js'
import { demoKeys } from '../identity/demo-keys.js'
import { Identities } from '../identity/identities.js'
import type { IdentitySource } from '../identity/identity-source.js'
import { JwtKeySet } from '../identity/jwt-key-set.js'
import { JwtSource } from '../identity/jwt-source.js'
import { KeyFile } from '../identity/key-file.js'
import { MeasuredSource } from '../identity/measured-source.js'
import type { Log } from '../observe/log.js'
import type { IdentityAnswer, IdentityAnswers } from '../observe/metrics/server-metrics.js'
import { HttpCaller } from '../outbound/http-caller.js'
import type { Config } from './config.js'

export interface OpenedIdentities {
  readonly identities: Identities
  /** The tier of an org by its keys, as far as they can be listed. */
  readonly tierOf: (org: string) => string | undefined
  /** For metrics. */
  readonly answers: IdentityAnswers
  /** Absent without a key file. */
  readonly keyFileUsable?: () => boolean
}

/** An upgrade is decided within 3 s, the store's part included. */
const JWKS_TIMEOUT_MS = 1_500
const MAX_JWKS_BYTES = 256 * 1024

/** How long the platform may have a question, whether or not anybody still waits for the answer. */
const MOST_CALLBACK_MS = 5_000

/**
 * All ways to find out who asks that the configuration names: keys, then tokens, then the platform. Throws
 * `INVALID_KEYS_FILE`; others' servers that are away stop no start.
 */
export async function openIdentities(config: Config, clock: Clock, log: Log): Promise<OpenedIdentities> {
  const keyFile = await openKeyFile(config, clock, log)
  const listeners = new Set<(answer: IdentityAnswer) => void>()
  const tell = (answer: IdentityAnswer) => {
    for (const listener of listeners) listener(answer)
  }
  const sources: MeasuredSource[] = []
  const add = (name: string, source: IdentitySource) => sources.push(new MeasuredSource(name, source, clock, tell))
  if (config.demoKeys) add('demo', demoKeys())
  if (keyFile !== undefined) add('keys', keyFile)
  if (config.jwksUrl !== undefined) add('tokens', await openTokens(config, config.jwksUrl, clock, log))
  if (config.authCallbackUrl !== undefined) add('platform', openCallback(config, config.authCallbackUrl, clock, log))
  const answers: IdentityAnswers = {
    sources: sources.map(({ name }) => name),
    onAnswer: (listener) => void listeners.add(listener),
  }
  return {
    identities: new Identities(sources),
    tierOf: (org) => keyFile?.tierOf(org),
    answers,
    ...(keyFile && { keyFileUsable: () => keyFile.isUsable }),
  }
}

async function openKeyFile({ keysFile, tiers }: Config, clock: Clock, log: Log): Promise<KeyFile | undefined> {
  if (keysFile === undefined) return undefined
  const opened = await KeyFile.open({ path: keysFile, clock, log, tiers })
  if (!opened.ok) throw new UsageError('INVALID_KEYS_FILE', opened.problems.join('\n'))
  return opened.keyFile
}

async function openTokens(config: Config, url: string, clock: Clock, log: Log): Promise<IdentitySource> {
  const caller = new HttpCaller({
    url,
    clock,
    timeoutMs: JWKS_TIMEOUT_MS,
    maxSockets: 1,
    maxAnswerBytes: MAX_JWKS_BYTES,
  })
  const keys = new JwtKeySet({ caller, clock, log, cooldownMs: config.jwksCooldownMs })
  await keys.open()
  return new JwtSource({
    keys,
    clock,
    issuer: config.jwtIssuer!,
    audience: config.jwtAudience!,
    claims: {
      org: config.jwtOrgClaim,
      gateway: config.jwtGatewayClaim,
      tier: config.jwtTierClaim,
      priority: config.jwtPriorityClaim,
    },
    clockSkewMs: config.jwtClockSkewMs,
    atExpiry: config.jwtAtExpiry,
    random: Math.random,
  })
}

function openCallback(config: Config, url: string, clock: Clock, log: Log): IdentitySource {
  const caller = new HttpCaller({ url, clock, timeoutMs: MOST_CALLBACK_MS, maxSockets: CALLBACK_PLACES })
  const [timeoutMs, token] = [config.authCallbackTimeoutMs, config.authCallbackToken]
  return new CallbackSource({
    client: new CallbackClient({ caller, clock, log, timeoutMs, token }),
    clock,
    ttlMs: config.authCallbackTtlMs,
    staleMs: config.authCallbackStaleMs,
    recheckMs: config.authCallbackRecheckMs,
    showsCredential: config.authCallbackSends === 'credential',
  })
}
