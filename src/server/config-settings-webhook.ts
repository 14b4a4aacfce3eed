import { kinds } from './config-kinds.js'

/** The settings of what others are told. */
export const webhookSettings = {
  webhookUrl: {
    name: 'HEADCOUNT_WEBHOOK_URL',
    flag: '--webhook-url',
    kind: kinds.httpUrl,
    defaultShown: 'nobody is told',
    description: 'Address that events are sent to, as signed JSON; see [webhooks](docs/webhooks.md)',
  },
  webhookSecrets: {
    name: 'HEADCOUNT_WEBHOOK_SECRET',
    flag: '--webhook-secret',
    kind: kinds.webhookSecrets,
    defaultShown: 'none; needed with HEADCOUNT_WEBHOOK_URL',
    description:
      'The secret that signs them: `whsec_` and base64 of 24 to 64 bytes; several, separated by commas, sign side by side',
  },
  webhookTimeoutMs: {
    name: 'HEADCOUNT_WEBHOOK_TIMEOUT',
    flag: '--webhook-timeout',
    kind: kinds.duration,
    default: '5s',
    description: 'Deadline of one delivery',
  },
  webhookQueue: {
    name: 'HEADCOUNT_WEBHOOK_QUEUE',
    flag: '--webhook-queue',
    kind: kinds.queue,
    default: '10000',
    description: 'Events that may wait to be sent; one more drops the oldest of the org that has most waiting',
  },
} as const
