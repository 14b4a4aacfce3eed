// What the model is checked for. A configuration either holds, or lacks one rule and must break the named promise.

/** One fault at a time, with small budgets: together they would be too many histories to look at. */
const lateCalls = ['LATE', 'LEASES=1', 'GENERATIONS=2']
const deaths = ['TIME', 'LEASES=2', 'RIVAL_LEASES=1', 'GENERATIONS=1']
const deathsAndOldConnections = ['TIME', 'LATE', 'LEASES=2', 'RIVAL_LEASES=1', 'GENERATIONS=2', 'RIVAL_GENERATIONS=1']
const clockJump = ['TIME', 'JUMPS=1', 'LEASES=1', 'GENERATIONS=1']
const lostStore = ['TIME', 'TIME_AFTER_LOSS', 'AGELESS', 'WIPES=1', 'LEASES=2', 'GENERATIONS=1']
const replacedStore = [...lostStore, 'REPLACED']
/** T is as many intervals here as it is: in three of them a recovery under `rejoin` would last as long as under `close`. */
const close = ['TIME', 'CLOSE', 'WIPES=1', 'LEASES=2', 'RIVAL_LEASES=1', 'GENERATIONS=1']
const lostUnderClose = [...close, 'TIME_AFTER_LOSS', 'T=5']
/** The other too may come back after the loss: a node that comes late and is cut off again is replaced by it. */
const bothLeases = [...close.filter((one) => one !== 'RIVAL_LEASES=1'), 'RIVAL_LEASES=2', 'TIME_AFTER_LOSS']
/** With five intervals there are more histories than fit the memory of the rest. */
const bothBack = [...bothLeases, 'T=4']
/** Its first hello may go unanswered and be said again, and arrive when the lease has died. */
const newcomer = ['NEWCOMER', 'TIME', 'LATE', 'LEASES=1', 'RIVAL_GENERATIONS=1']

const holds = [
  ['another process answers, recovery of 2R', [...replacedStore, 'SHORT_RECOVERY']],
  ['the store is wiped and its clock jumps', [...lostStore, 'JUMPS=1']],
  ['close: the store is wiped and its clock jumps', [...lostUnderClose, 'JUMPS=1']],
  ['audits among deaths and rejoins', [...deaths, 'AUDITS']],
  ['calls lost, late, out of order, two connections', [...lateCalls, 'IDS=2']],
  ['leases die, nodes pause and rejoin, late calls', [...deaths, 'LATE']],
  ["Redis's clock jumps", [...clockJump, 'LATE']],
  ['a node is killed', ['TIME', 'LATE', 'CRASHES=1', 'LEASES=1', 'GENERATIONS=1']],
  ['the store is wiped, recovery of 2R', [...lostStore, 'SHORT_RECOVERY']],
  ['close: another process answers', [...lostUnderClose, 'REPLACED']],
  ['close: the store is wiped and both come back', bothBack],
  ['close: time passes before the wipe as well', close],
  ['close: leases die, nodes pause and rejoin', [...deaths, 'CLOSE']],
  ['a first hello is lost, late, said again', [...newcomer, 'GENERATIONS=2']],
  ['deep: a first hello, and another after it', [...newcomer, 'GENERATIONS=3']],
  ['deep: close: the store is wiped and both come back', [...bothLeases, 'T=5']],
]

/** What a user would notice if the rule were missing. */
const without = [
  ['no fence', 'L5_no_leak', [...deaths, 'LATE', 'NO_FENCE']],
  [
    "fence without the node's own deadline",
    'S1_open_within_limit',
    ['TIME', 'LEASES=1', 'GENERATIONS=1', 'NO_DEADLINE'],
  ],
  ['no generation', 'L5_no_leak', [...lateCalls, 'NO_GENERATION']],
  ['a lease resumed whatever life it lives', 'L5_no_leak', [...newcomer, 'GENERATIONS=3', 'ANY_LIFE']],
  ['generation without settling', 'L5_no_leak', [...lateCalls, 'NO_SETTLING']],
  ['new lease without reassertion', 'L5_no_leak', [...deaths, 'NO_REASSERTION']],
  ['raw store clock', 'S1_open_within_limit', [...clockJump, 'RAW_CLOCK']],
  ['lease ids that repeat', 'L5_no_leak', [...deathsAndOldConnections, 'REPEATED_LEASES']],
  ['renew re-adds a dead lease', 'L5_no_leak', ['TIME', 'LEASES=1', 'GENERATIONS=1', 'RENEW_READDS']],
  ['acquire answers full to the holder', 'L5_no_leak', [...lateCalls, 'FULL_TO_HOLDER']],
  ["release before the acquire's answer", 'L5_no_leak', ['LEASES=1', 'GENERATIONS=1', 'EARLY_RELEASE']],
  ['no recovery wait', 'R1_exact_after_recovery', [...lostStore, 'NO_RECOVERY']],
  ['recovery of 2R, and the clock jumps', 'R1_exact_after_recovery', [...lostStore, 'JUMPS=1', 'SHORT_RECOVERY']],
  ['close: recovery as under rejoin', 'R5_close_within_limit', [...lostUnderClose, 'RECOVERY=3']],
  [
    'close: recovery of T - 1, and the clock jumps',
    'R5_close_within_limit',
    [...lostUnderClose, 'JUMPS=1', 'RECOVERY=4'],
  ],
  ['close: D from when the answer came', 'R5_close_within_limit', [...lostUnderClose, 'TRUST_FROM_ANSWER']],
  ['close: a hello vouches for what it does not tell', 'R5_close_within_limit', [...bothBack, 'VOUCHED_BY_HELLO']],
  ['close: an end of D that was overlooked', 'R5_close_within_limit', [...close, 'D_OVERLOOKED']],
  ['D of T, and the clock jumps', 'S1_open_within_limit', [...clockJump, 'D=3']],
  ['a lost store taken for a dead lease', 'R1_nobody_kicked', [...lostStore, 'LOST_AS_FENCED']],
  ['audit before the reassertion is done', 'S1_slots_within_limit', [...deaths, 'AUDITS', 'AUDIT_WHILE_OWING']],
  ['audit puts back what was told to close', 'S1_slots_within_limit', [...deaths, 'AUDITS', 'AUDIT_OF_TOLD']],
]

/** The model can reach the ends that its promises speak of; else they would hold for want of a history. */
const reaches = [
  ['control: a dead lease is replaced, and calm comes', 'never_rejoined', [...deaths, 'REACH_REJOIN']],
  ['control: a wiped store recovers, and calm comes', 'never_recovered', [...lostStore, 'REACH_RECOVERY']],
  ['control: so does another process', 'never_recovered', [...replacedStore, 'REACH_RECOVERY']],
  ['control: close: who is cut off is replaced', 'never_replaced', [...lostUnderClose, 'REACH_REPLACED']],
]

export const configurations = [
  ...holds.map(([name, switches]) => ({ name, switches, expected: 'holds' })),
  ...without.map(([name, expected, switches]) => ({ name, expected, switches: [...switches, 'OUTCOMES_ONLY'] })),
  ...reaches.map(([name, expected, switches]) => ({ name, expected, switches })),
]
