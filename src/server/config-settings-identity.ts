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
    description: 'Where the public keys are that sign tokens (JWT); see [who may connect](docs/identity.md)',
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
    description: 'What a token’s claim `aud` must be or hold',
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
  jwtClockSkewMs: {
    name: 'HEADCOUNT_JWT_CLOCK_SKEW',
    flag: '--jwt-clock-skew',
    kind: kinds.skew,
    default: '30s',
    description: 'By how much the issuer’s clock may differ from this node’s',
  },
  jwksCooldownMs: {
    name: 'HEADCOUNT_JWKS_COOLDOWN',
    flag: '--jwks-cooldown',
    kind: kinds.duration,
    default: '10s',
    description: 'The keys are not fetched more often than this, whatever tokens come',
  },
  jwtAtExpiry: {
    name: 'HEADCOUNT_JWT_AT_EXPIRY',
    flag: '--jwt-at-expiry',
    kind: kinds.atExpiry,
    default: 'keep',
    description: 'What becomes of a connection whose token expires: it stays (`keep`) or is closed with 4401 (`close`)',
  },
} as const
