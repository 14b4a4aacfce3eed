import { kinds } from './config-kinds.js'

/** The settings of who may connect. */
export const identitySettings = {
  keysFile: {
    name: 'HEADCOUNT_KEYS_FILE',
    flag: '--keys-file',
    kind: kinds.path,
    defaultShown: 'demo keys, on loopback only, where nothing else says who may connect',
    description: 'JSON file with the API keys; reloaded when it changes',
  },
  jwksUrl: {
    name: 'HEADCOUNT_JWKS_URL',
    flag: '--jwks-url',
    kind: kinds.httpUrl,
    defaultShown: 'no tokens',
    description: 'Address of the public keys that verify tokens (JWT); see [who may connect](docs/identity.md)',
  },
  jwtIssuer: {
    name: 'HEADCOUNT_JWT_ISSUER',
    flag: '--jwt-issuer',
    kind: kinds.text,
    defaultShown: 'none; needed with HEADCOUNT_JWKS_URL',
    description: 'What a token’s claim `iss` must be',
  },
  jwtAudience: {
    name: 'HEADCOUNT_JWT_AUDIENCE',
    flag: '--jwt-audience',
    kind: kinds.text,
    defaultShown: 'none; needed with HEADCOUNT_JWKS_URL',
    description: 'What a token’s claim `aud` must be or contain',
  },
  jwtOrgClaim: {
    name: 'HEADCOUNT_JWT_ORG_CLAIM',
    flag: '--jwt-org-claim',
    kind: kinds.text,
    default: 'org',
    description: 'The claim of a token that names the org',
  },
  jwtGatewayClaim: {
    name: 'HEADCOUNT_JWT_GATEWAY_CLAIM',
    flag: '--jwt-gateway-claim',
    kind: kinds.text,
    default: 'sub',
    description: 'The claim of a token that names the gateway',
  },
  jwtTierClaim: {
    name: 'HEADCOUNT_JWT_TIER_CLAIM',
    flag: '--jwt-tier-claim',
    kind: kinds.text,
    default: 'tier',
    description: 'The claim of a token that names the tier, if it has one',
  },
  jwtPriorityClaim: {
    name: 'HEADCOUNT_JWT_PRIORITY_CLAIM',
    flag: '--jwt-priority-claim',
    kind: kinds.text,
    default: 'priority',
    description: 'The claim of a token that is `true` if it may use reserved slots',
  },
  jwtClockSkewMs: {
    name: 'HEADCOUNT_JWT_CLOCK_SKEW',
    flag: '--jwt-clock-skew',
    kind: kinds.skew,
    default: '30s',
    description: 'How far the issuer’s clock may differ from this node’s',
  },
  jwksCooldownMs: {
    name: 'HEADCOUNT_JWKS_COOLDOWN',
    flag: '--jwks-cooldown',
    kind: kinds.duration,
    default: '10s',
    description: 'The shortest time between two fetches of the keys, whatever tokens come',
  },
  jwtAtExpiry: {
    name: 'HEADCOUNT_JWT_AT_EXPIRY',
    flag: '--jwt-at-expiry',
    kind: kinds.atExpiry,
    default: 'keep',
    description: 'What happens to a connection whose token expires: it stays (`keep`) or is closed with 4401 (`close`)',
  },
  authCallbackUrl: {
    name: 'HEADCOUNT_AUTH_CALLBACK_URL',
    flag: '--auth-callback-url',
    kind: kinds.httpUrl,
    defaultShown: 'nobody is asked',
    description:
      'Address at which the platform is asked who owns a credential; see [who may connect](docs/identity.md)',
  },
  authCallbackToken: {
    name: 'HEADCOUNT_AUTH_CALLBACK_TOKEN',
    flag: '--auth-callback-token',
    kind: kinds.token,
    defaultShown: 'none',
    description: 'Bearer token that is sent to the platform',
  },
  authCallbackSends: {
    name: 'HEADCOUNT_AUTH_CALLBACK_SENDS',
    flag: '--auth-callback-sends',
    kind: kinds.authCallbackSends,
    default: 'digest',
    description:
      'What the platform is sent: the SHA-256 of the credential (`digest`), or the `credential` itself as well',
  },
  authCallbackTimeoutMs: {
    name: 'HEADCOUNT_AUTH_CALLBACK_TIMEOUT',
    flag: '--auth-callback-timeout',
    kind: kinds.briefDuration,
    default: '1s',
    description: 'Deadline of one call to the platform',
  },
  authCallbackTtlMs: {
    name: 'HEADCOUNT_AUTH_CALLBACK_TTL',
    flag: '--auth-callback-ttl',
    kind: kinds.durationOrZero,
    default: '10s',
    description: 'How long an answer of the platform counts for a credential that it knows',
  },
  authCallbackStaleMs: {
    name: 'HEADCOUNT_AUTH_CALLBACK_STALE_TIME',
    flag: '--auth-callback-stale-time',
    kind: kinds.durationOrZero,
    default: '10m',
    description:
      'How long such a credential stays good while the platform does not answer, counted from when it was last confirmed',
  },
  authCallbackRecheckMs: {
    name: 'HEADCOUNT_AUTH_CALLBACK_RECHECK',
    flag: '--auth-callback-recheck',
    kind: kinds.recheck,
    default: '15s',
    description:
      'Pause between two rounds in which the platform is asked whether the credentials of open connections are still good',
  },
} as const
