type Mistake = readonly [file: string, right: string, wrong: string]

const SCRIPT = 'store/redis/script.generated.js'
const LOOK = 'if held ~= ARGV[3] then'
const BLIND = "if held and held:match(':(%w+)') == ARGV[3]:match(':(%w+)') then held = ARGV[3] end"

/**
 * What the long tests break for their controls, as `brokenServer` takes it. It stands here because those run seldom: a
 * test beside this file tells sooner that a file has moved or a line reads otherwise.
 */
export const BROKEN = {
  fenceBlindToGenerations: [SCRIPT, LOOK, `${BLIND} ${LOOK}`],
  forgetsWhatWentUnanswered: [
    'node/queues/admission-queue.js',
    "if (reply.status === 'unanswered')\n            ticket.maybeTaken = true;",
    '',
  ],
  scriptNotSentAgain: ['store/redis/script.js', "startsWith('NOSCRIPT')", "startsWith('NEVER')"],
  doesNotClose: ['node/admission/absence.js', "policies.onLeaseLost !== 'rejoin'", 'false'],
  doesNotWaitForWhoIsCutOff: ['core/lease-timing.js', "onLeaseLost === 'rejoin' ? 0 : ttlMs", '0'],
  asksTheSilentOnly: ['node/probing/prober.js', 'scope.name === INSTANCE || isSilent(peer)', 'isSilent(peer)'],
  admitsOneTooMany: [SCRIPT, 'if held_count >= slots then', 'if held_count > slots then'],
  givesNothingBack: [SCRIPT, "own or redis.pcall('ZSCORE', KEYS[s], id) == ARGV[2]", 'false'],
  countsWhoIsReplaced: [SCRIPT, 'local replaces = not mine and', 'local replaces = false and'],
  doesNotTellWhoIsReplaced: [SCRIPT, "redis.call('ZADD', KEYS[8], holder, old)", ''],
  doesNotAskWhoCameBack: ['gate/gate.js', '{ atOnce: admitted.replaces !== undefined }', '{}'],
} as const satisfies Record<string, Mistake>
