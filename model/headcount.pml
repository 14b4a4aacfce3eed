/*
 * The protocol of headcount for one org, small enough to look at every history it can have.
 *
 * Two nodes compete for one slot. Each message between a node and the store is a step of its own: it may be lost, its
 * answer may be lost, and what a node gave up on may still be delivered long after. Nodes may pause anywhere, because
 * nothing but its own step ever forces a node to move. README.md says what is abstracted and how to read a violation.
 *
 * Each -D switch of the second part takes one rule out of the protocol; each must then be violated.
 */

/* ---- What may happen in a run. Every number is a budget; check.sh sets them. ------------------------------------- */

#ifndef LIMIT
#define LIMIT 1            /* slots of the org */
#endif
#ifndef IDS
#define IDS 1              /* connections that each node may be asked for, one after the other */
#endif
#ifndef LEASES
#define LEASES 2           /* leases that each node may take */
#endif
#ifndef GENERATIONS
#define GENERATIONS 2      /* connections to the store that a node may open under one lease */
#endif
#ifndef RIVAL_LEASES
#define RIVAL_LEASES LEASES          /* the same for the second node */
#endif
#ifndef RIVAL_GENERATIONS
#define RIVAL_GENERATIONS GENERATIONS
#endif
#ifndef JUMPS
#define JUMPS 0            /* steps of Redis's own clock, forwards or backwards */
#endif
#ifndef WIPES
#define WIPES 0            /* losses of the store's memory: wiped, or with REPLACED another process answers */
#endif
#ifndef CRASHES
#define CRASHES 0          /* kill -9 of a node */
#endif

/* ---- Time, in renew intervals or, where a run says so, in a fraction of them. -------------------------------------- */

#ifndef R
#define R 1
#endif
#ifndef T
#define T 3                /* lease term, on the store's clock */
#endif
#ifndef CAP
#define CAP 1              /* the most that one step may advance the store's clock */
#endif
#ifndef D
#define D (T - CAP)        /* how long a node trusts its lease after it sent the last answered renewal */
#endif
#define LONG (T + R)       /* no rule looks further back than this */

#ifndef RECOVERY
#ifdef SHORT_RECOVERY
#define RECOVERY (2 * R)   /* as if the store's clock could not jump while it recovers */
#else
#ifdef CLOSE
#define RECOVERY T         /* whoever is cut off has closed by then what the store has forgotten */
#else
#define RECOVERY (2 * R + CAP)
#endif
#endif
#endif

#if JUMPS > 0
#define RECOVERY_ENDS (T + R - CAP)  /* real time after which recovery may end although a node has yet to reassert */
#else
#define RECOVERY_ENDS (T + R)
#endif

#ifdef RAW_CLOCK
#define STEP_MAX T         /* a jump of hours, unclamped */
#else
#define STEP_MAX CAP
#endif

#define NODES 2
#define LEASE_SLOTS (NODES * LEASES + 1)       /* lease 0 is no lease */
#define ID_SLOTS (NODES * IDS)
#define NOBODY 255

mtype = {
  AWAY, JOINING, OWING, HOLDING, CRASHED,                       /* where a node stands with the store */
  UNASKED, ASKING, OPEN, GONE,                                  /* a connection */
  HELLO_NEW, HELLO_KNOWN, RENEW, REASSERT, AUDIT, PUT_BACK, ACQUIRE, RELEASE,  /* verbs */
  SENT,                                                         /* on its way to the store */
  OK, FULL, CONFLICT, LOST, FENCED, STALE, RECOVERING, LEAK, MISSING,          /* answers on their way back */
  KEEP, ROOM                                                    /* how a node reasserts */
}
#define NONE 0

/* ---- The store: what the keys of one bucket hold. ------------------------------------------------------------------ */

byte member[ID_SLOTS];          /* the per-org set: connection id -> lease */
byte live[LEASE_SLOTS];         /* the fence: lease -> generation, 0 if it does not live */
bool dead[LEASE_SLOTS];         /* declared dead and not yet swept */
byte left[LEASE_SLOTS];         /* store time until the lease expires */
bool reasserting[LEASE_SLOTS];  /* recovery waits for this lease */
byte epoch;                     /* 0: the store remembers nothing, or its identity is not the remembered one */
byte since;                     /* TIME minus the last TIME: by how much the next step would advance the clock */
bool recovering;
byte recovery;                  /* store time that recovery lasts at least, */
byte recoveryLimit;             /* and at most */

/* ---- The nodes. ---------------------------------------------------------------------------------------------------- */

byte where[NODES];              /* AWAY -> JOINING -> OWING -> HOLDING */
byte lease[NODES];
byte generation[NODES];          /* of the newest hello; without a lease, of the newest one that asked for the next */
byte answered[NODES];           /* of the newest hello for this lease that was answered */
byte known[NODES];              /* epoch of the lease */
byte taken[NODES];              /* how many leases this node has tried so far: the next one's name */
byte owed[NODES];               /* KEEP or ROOM: the store has to be told of the open connection first */
byte age[NODES];                /* time since the last answered renewal or hello was sent; without a lease, since the
                                   next one was first asked for */

byte verb[NODES];               /* hello, renew, reassert or audit in flight: one at a time */
byte answer[NODES];             /* SENT, or the answer on its way back */
bool bearing[NODES];            /* whether that call speaks of an open connection */
byte sentAge[NODES];            /* time since it was sent */
byte acquire[NODES];            /* NONE, SENT, or the answer on its way back */
byte release[NODES];            /* the same */
byte releasing[NODES];          /* the id that the release in flight is about */

byte current[NODES];            /* which of its connections the node is at */
byte conn[NODES];               /* UNASKED -> ASKING -> OPEN -> GONE */
bool maybeTaken[NODES];         /* an acquire went unanswered, so the slot may be taken */
bool unwanted[NODES];           /* nobody waits for the answer to the acquire in flight any more */
bool told[NODES];               /* no slot was left when it rejoined: the connection was told to close */
bool closing[NODES];            /* under `close`: it was told to close for the lease, and is told to the store where there is room */
byte former[NODES];             /* the same, of a store that lost its memory: age of the lease before, until the next one's
                                   store was told of what is open */
bool pending[ID_SLOTS];         /* the release queue */

/* ---- A call that its node gave up on and that the network still holds: one a node. ---------------------------------- */

byte lateVerb[NODES];
byte lateLease[NODES];
byte lateGeneration[NODES];
byte lateEpoch[NODES];
byte lateDetail[NODES];         /* id of an acquire or release; whether a new hello or a reassert bears a connection;
                                   what a known hello knows */
byte lateMode[NODES];

/* ---- What the observer keeps, which the protocol never reads. ------------------------------------------------------- */

byte epochs = 1;                /* how many lives the store has had */
byte sinceEpoch = LONG;         /* real time since this one began */
bool excused[NODES];            /* came back too late for recovery, or its lease was declared dead: R1 lets it exceed */
bool wasFenced[NODES];          /* its lease was declared dead since it last reasserted */
bool declared[LEASE_SLOTS];     /* was ever declared dead in this epoch */
byte opened[LEASE_SLOTS];       /* the newest generation said hello with */
byte jumps = JUMPS;
byte wipes = WIPES;
byte crashes = CRASHES;

/* Names of the promises, so that the checker says which one broke. */
bool S1_slots_within_limit, S1_open_within_limit, S3_nothing_under_dead_or_old, S3_taken_slot_is_held,
  S3_trusted_lease_is_alive, S4_holder_is_never_refused, L5_no_leak, R1_exact_after_recovery, R1_nobody_kicked,
  R5_close_within_limit, never_rejoined, never_recovered, never_replaced;
#define PROMISE(name, holds) name = (holds); assert(name); name = 0

/* R1 says of `rejoin` who comes back in time. Under `close` R5 says more, and nothing has to be remembered for it. */
#ifdef CLOSE
#define JUDGES_R1 false
#else
#define JUDGES_R1 true
#endif

/* Rules about the inside of the protocol. The broken variants are judged without them, by what a user would notice. */
#ifdef OUTCOMES_ONLY
#define RULE(name, holds) skip
#else
#define RULE(name, holds) PROMISE(name, holds)
#endif

/* Scratch, set before use in every step. */
hidden byte i, l, n1, verdict, step, slots, wanted, spare;
hidden byte same;

#define first(n) ((n) * LEASES + 1)
#define owner(lease_) (((lease_) - 1) / LEASES)
#ifdef REPEATED_LEASES
#define trial(n) first(n)
#else
#define trial(n) (first(n) + taken[n] - 1)
#endif
#define id(n) ((n) * IDS + current[n])
#define HELD(n) (conn[n] == OPEN && !told[n])
/* Under `close` frames pass until D after the store last vouched for what is open. */
#ifdef VOUCHED_BY_HELLO
#define UNVOUCHED(n) (lease[n] == 0 -> former[n] : age[n])
#else
#define UNVOUCHED(n) (owed[n] == NONE -> age[n] : former[n])
#endif
#define CARRIES(n) (HELD(n) && !closing[n] && UNVOUCHED(n) < D)
#ifdef AUDIT_OF_TOLD
#define AUDITED(n) (conn[n] == OPEN)
#else
#define AUDITED(n) HELD(n)
#endif
#ifdef AGELESS
#define trusts(n) false              /* nodes do not count time in this run, so nothing is checked of what they trust */
#else
#define trusts(n) (where[n] != CRASHED && lease[n] != 0 && age[n] < D)
#endif

/* ==== The store's verbs. Each runs in one step, as a script does. ==================================================== */

/* Fence first: lease live, generation equal, epoch equal; else a refusal that says which. */
inline fence(lease_, generation_, epoch_) {
  if
  :: epoch != epoch_ -> verdict = LOST
  :: else ->
    if
#ifdef NO_FENCE
    :: live[lease_] == 0 -> verdict = OK
#else
    :: live[lease_] == 0 -> verdict = FENCED
#endif
#ifndef NO_GENERATION
    :: live[lease_] != 0 && live[lease_] != generation_ -> verdict = STALE
#endif
    :: else -> verdict = OK
    fi
  fi
}

/* Slots of live leases. */
inline occupancy() {
  slots = 0;
  for (i : 0 .. ID_SLOTS - 1) {
    if
    :: member[i] != 0 && live[member[i]] -> slots++
    :: else
    fi
  }
}

/* The store's clock advances by a bounded step; TIME itself may have jumped anywhere. */
inline advance_clock() {
  step = (since < STEP_MAX -> since : STEP_MAX);
  since = 0;
  for (i : 1 .. LEASE_SLOTS - 1) {
    left[i] = (left[i] > step -> left[i] - step : 0)
  }
  recovery = (recovery > step -> recovery - step : 0);
  recoveryLimit = (recoveryLimit > step -> recoveryLimit - step : 0)
}

/* Recovery lasts at least its time, then until every live lease has reasserted, at most until its limit. */
inline end_recovery_if_due() {
  if
  :: recovering ->
    same = (recovery == 0);
    for (i : 1 .. LEASE_SLOTS - 1) {
      same = same && !(live[i] && reasserting[i])
    }
    if
    :: same || recoveryLimit == 0 -> recovering = false; recovery = 0; recoveryLimit = 0
    :: else
    fi
  :: else
  fi
}

/* The first hello to a store without memory begins an epoch. Whatever leases it still lists are dead. */
inline begin_epoch_if_lost() {
  if
  :: epoch == 0 ->
    epochs++;
    epoch = epochs;
    sinceEpoch = 0;
#ifndef NO_RECOVERY
    recovering = true;
    recovery = RECOVERY;
    recoveryLimit = T + R
#endif
  :: else
  fi
}

/* Said again, it replaces what an earlier one opened. A late one may open a lease of which nothing is left: that is not
   remembered, and nothing may be taken under it (take). */
inline hello_new(lease_, generation_, bears) {
  advance_clock();
  begin_epoch_if_lost();
  if
  :: live[lease_] >= generation_ -> verdict = STALE
  :: live[lease_] == 0 && dead[lease_] -> verdict = FENCED
  :: else ->
    live[lease_] = generation_;
    opened[lease_] = generation_;
    left[lease_] = T;
    reasserting[lease_] = recovering && bears;
    verdict = OK
  fi;
  end_recovery_if_due()
}

/* A lower generation than the caller has heard of is another life, which a late first hello began. */
#ifdef ANY_LIFE
#define KNOWN_LIFE(lease_, known_) (live[lease_] != 0)
#else
#define KNOWN_LIFE(lease_, known_) (live[lease_] >= known_)
#endif

inline hello_known(lease_, generation_, epoch_, known_) {
  advance_clock();
  begin_epoch_if_lost();
  if
  :: epoch != epoch_ -> verdict = LOST
  :: else ->
    if
    :: !KNOWN_LIFE(lease_, known_) -> verdict = FENCED
    :: KNOWN_LIFE(lease_, known_) && live[lease_] >= generation_ -> verdict = STALE
    :: else ->
      live[lease_] = generation_;
      opened[lease_] = generation_;
      left[lease_] = T;
      verdict = OK
    fi
  fi;
  end_recovery_if_due()
}

/* Only what is promised of a lost store needs to know. */
inline note_fenced(n) {
#if WIPES > 0 && !defined(CLOSE)
  excused[n] = true;
  wasFenced[n] = true
#else
  skip
#endif
}

/* Extends the caller's lease, also one that has expired, and declares dead every other that has. */
inline renew(lease_, generation_, epoch_) {
  fence(lease_, generation_, epoch_);
#ifdef RENEW_READDS
  if
  :: verdict == FENCED -> verdict = OK; live[lease_] = generation_; dead[lease_] = false
  :: else
  fi;
#endif
#ifdef NO_FENCE
  /* The variant lacks the fence where slots are taken and freed; a dead lease is still told so when it renews. */
  if
  :: verdict == OK && live[lease_] == 0 -> verdict = FENCED
  :: else
  fi;
#endif
  if
  :: verdict == OK ->
    advance_clock();
    left[lease_] = T;
    for (l : 1 .. LEASE_SLOTS - 1) {
      if
      :: live[l] && left[l] == 0 ->
        live[l] = 0;
        dead[l] = true;
        reasserting[l] = false;
        declared[l] = true;
        n1 = owner(l);
        if
        :: lease[n1] == l ->
          RULE(S3_trusted_lease_is_alive, !trusts(n1));
          note_fenced(n1)
        :: else
        fi
      :: else
      fi
    }
    end_recovery_if_due()
  :: else
  fi
}

/* acquire. Already mine? yes. Else a slot, if the living leave one. */
inline take(lease_, generation_, epoch_, id_) {
  fence(lease_, generation_, epoch_);
  if
  :: verdict == OK && recovering -> verdict = RECOVERING
  :: verdict == OK && !recovering ->
    occupancy();
    if
#ifndef FULL_TO_HOLDER
    :: member[id_] == lease_ -> skip
    :: member[id_] != lease_ && slots >= LIMIT -> verdict = FULL
#else
    :: slots >= LIMIT -> verdict = FULL
#endif
    :: else ->
      if
      /* What a lease that is not live has left is taken over: often it was the node's own, the last one. */
      :: member[id_] != 0 && member[id_] != lease_ && live[member[id_]] -> verdict = CONFLICT
      :: else ->
        RULE(S3_nothing_under_dead_or_old, !declared[lease_] && generation_ == opened[lease_]);
        member[id_] = lease_;
        occupancy();
        PROMISE(S1_slots_within_limit, slots <= LIMIT);
        check_recovered(owner(lease_))
      fi
    fi;
    RULE(S4_holder_is_never_refused, verdict != FULL || member[id_] != lease_)
  :: else
  fi
}

/* release. Gives back what the acting lease holds, and nothing else. */
inline give_back(lease_, generation_, epoch_, id_) {
  fence(lease_, generation_, epoch_);
  if
  :: verdict == OK && member[id_] == lease_ ->
    RULE(S3_nothing_under_dead_or_old, !declared[lease_] && generation_ == opened[lease_]);
    member[id_] = 0
  :: else
  fi
}

/* Makes the set equal to an open connection. Never takes a member over from a lease that lives. */
inline reassert(lease_, generation_, epoch_, id_, bears, mode, final) {
  fence(lease_, generation_, epoch_);
  if
  :: verdict == OK ->
    if
    :: bears ->
      occupancy();
      if
      :: member[id_] != 0 && member[id_] != lease_ && live[member[id_]] -> verdict = CONFLICT
      :: else ->
        if
        :: mode == ROOM && member[id_] != lease_ && slots >= LIMIT -> verdict = FULL
        :: else -> member[id_] = lease_
        fi
      fi
    :: else
    fi;
    if
    :: final -> reasserting[lease_] = false
    :: else
    fi
  :: else
  fi
}

/* Read-only: does the set hold what is open, and nothing else, under this lease? */
inline audit(n) {
  fence(lease[n], generation[n], known[n]);
  if
  :: verdict == OK && !bearing[n] && member[id(n)] == lease[n] -> verdict = LEAK
  :: verdict == OK && bearing[n] && member[id(n)] != lease[n] -> verdict = MISSING
  :: else
  fi
}

/* ==== A node's life with the store. ================================================================================= */

inline forget_call(n) {
  verb[n] = NONE;
  answer[n] = NONE;
  bearing[n] = false;
  sentAge[n] = 0
}

inline say(n, verb_) {
  verb[n] = verb_;
  answer[n] = SENT;
  sentAge[n] = 0
}

/* The ticket is over without a connection. A slot that may have been taken is given back. */
inline let_go(n) {
#ifndef NO_SETTLING
  pending[id(n)] = pending[id(n)] || maybeTaken[n];
#endif
  maybeTaken[n] = false;
  unwanted[n] = false;
  leave_connection(n)
}

inline leave_connection(n) {
  told[n] = false;
  closing[n] = false;
  if
  :: current[n] < IDS - 1 -> current[n]++; conn[n] = UNASKED
  :: else -> conn[n] = GONE
  fi
}

/* No call of this session will be answered any more. What was asked for may have been granted. */
inline end_session(n) {
  forget_call(n);
  where[n] = AWAY;
  known[n] = (lease[n] != 0 -> known[n] : 0);
  if
  :: acquire[n] != NONE ->
    acquire[n] = NONE;
    if
    :: conn[n] == ASKING ->
      maybeTaken[n] = true;
      if
      :: unwanted[n] -> let_go(n)
      :: else
      fi
    :: else
    fi
  :: else
  fi;
#ifdef NO_SETTLING
  if
  :: release[n] != NONE -> pending[releasing[n]] = false
  :: else
  fi;
#endif
  release[n] = NONE;
  releasing[n] = 0
}

/* Fenced: others may have the slot. Lost: the store forgot, and nobody is kicked for it. */
inline lose_lease(n, why) {
  lease[n] = 0;
  generation[n] = 0;
  answered[n] = 0;
  known[n] = 0;
#ifdef CLOSE
  if
  :: (why) == FENCED -> closing[n] = (conn[n] == OPEN)
  :: else -> former[n] = (owed[n] == NONE && HELD(n) -> age[n] : former[n])
  fi;
#endif
  age[n] = D;
#ifndef NO_REASSERTION
  if
  :: HELD(n) ->
#ifdef LOST_AS_FENCED
    owed[n] = ROOM
#else
    owed[n] = ((why) == LOST || owed[n] == KEEP -> KEEP : ROOM)
#endif
  :: else
  fi
#endif
}

/* One refusal ends the session; only a dead lease or a lost store also ends the lease. */
inline refused(n, why) {
  end_session(n);
  if
  :: (why) == LOST || (why) == FENCED -> lose_lease(n, why)
  :: else
  fi
}

#ifdef TRUST_FROM_ANSWER
#define SENT_BEFORE(n) 0
#else
#define SENT_BEFORE(n) sentAge[n]
#endif

/* A store that had lost its memory vouches for what is open. Where D is over that is too late, noticed or not. */
inline vouch_anew(n) {
#if defined(CLOSE) && !defined(D_OVERLOOKED)
  closing[n] = closing[n] || (conn[n] == OPEN && UNVOUCHED(n) >= D)
#else
  skip
#endif
}

inline hear_hello(n) {
  if
  :: answer[n] == OK ->
    age[n] = SENT_BEFORE(n);
    if
    :: verb[n] == HELLO_NEW ->
      lease[n] = trial(n);
      /* What was still to be given back was held under an older lease, and is swept with it. */
      for (i : n * IDS .. n * IDS + IDS - 1) {
        pending[i] = false
      }
    :: else
    fi;
    answered[n] = generation[n];
    forget_call(n);
    where[n] = (owed[n] != NONE -> OWING : HOLDING);
    check_carrying()
  :: else ->
    spare = answer[n];
    if
    :: verb[n] == HELLO_KNOWN -> refused(n, spare)
    :: else -> end_session(n); generation[n] = 0
    fi
  fi
}

inline hear_reassert(n) {
  if
  :: answer[n] == OK || answer[n] == FULL || answer[n] == CONFLICT ->
    if
    :: answer[n] != OK && HELD(n) ->
#ifndef CLOSE
      PROMISE(R1_nobody_kicked, epochs == 1 || wasFenced[n]);
#endif
      told[n] = true
    :: else
    fi;
    forget_call(n);
    vouch_anew(n);
    owed[n] = NONE;
    former[n] = 0;
    where[n] = HOLDING;
    check_carrying()
  :: else ->
    spare = answer[n];
    refused(n, spare)
  fi
}

inline hear_renew(n) {
  if
  :: answer[n] == OK -> age[n] = SENT_BEFORE(n); forget_call(n); check_carrying()
  :: else -> spare = answer[n]; refused(n, spare)
  fi
}

/* The audit mends both ways: it gives back what nobody has, and puts back what is open and not in the store. */
inline hear_audit(n) {
  if
  :: answer[n] == LOST || answer[n] == FENCED || answer[n] == STALE -> spare = answer[n]; refused(n, spare)
  :: else ->
    if
    :: verb[n] == AUDIT && answer[n] == LEAK && conn[n] != ASKING && conn[n] != OPEN ->
      pending[id(n)] = true;
      forget_call(n)
    :: verb[n] == AUDIT && answer[n] == MISSING && AUDITED(n) ->
      say(n, PUT_BACK)
    :: else -> forget_call(n)
    fi
  fi
}

inline hear_acquire(n) {
  if
  :: acquire[n] == LOST || acquire[n] == FENCED || acquire[n] == STALE -> spare = acquire[n]; refused(n, spare)
  :: else ->
    spare = acquire[n];
    acquire[n] = NONE;
    if
    :: conn[n] != ASKING -> skip
    :: else ->
      maybeTaken[n] = (spare == RECOVERING -> maybeTaken[n] : spare == OK);
      if
#ifdef NO_DEADLINE
      :: spare == OK && !unwanted[n] ->
#else
      :: spare == OK && !unwanted[n] && age[n] < D ->
#endif
        conn[n] = OPEN;
        maybeTaken[n] = false;
        check_taken(n);
        check_carrying()
      :: else -> let_go(n)
      fi
    fi
  fi
}

inline hear_release(n) {
  if
  :: release[n] == OK ->
    pending[releasing[n]] = false;
    release[n] = NONE;
    releasing[n] = 0
  :: else -> spare = release[n]; refused(n, spare)
  fi
}

/* Nobody waits for the decision any more: the client is gone, or its time is up. */
inline abandon(n) {
  if
  :: acquire[n] == NONE -> let_go(n)
#ifdef EARLY_RELEASE
  :: else -> maybeTaken[n] = true; let_go(n)
#else
  :: else -> unwanted[n] = true
#endif
  fi
}

/* ==== What the observer checks. ====================================================================================== */

/* A node took an answer: its slot is held in the store, and with what trusting nodes have open it is within the limit. */
inline check_taken(n) {
  if
  :: epochs == 1 && epoch == 1 ->
    RULE(S3_taken_slot_is_held, member[id(n)] == lease[n] && live[lease[n]]);
    wanted = 0;
    for (i : 0 .. NODES - 1) {
      if
      :: conn[i] == OPEN && (i == (n) || (!told[i] && trusts(i) && owed[i] == NONE)) -> wanted++
      :: else
      fi
    }
    PROMISE(S1_open_within_limit, wanted <= LIMIT)
  :: else
  fi
}

/* Under `close`: what may carry frames is within the limit, at every moment: this is asked wherever more may than before,
   and time alone only makes it less. */
inline check_carrying() {
#ifdef CLOSE
  wanted = 0;
  for (i : 0 .. NODES - 1) {
    wanted = (CARRIES(i) -> wanted + 1 : wanted)
  }
  PROMISE(R5_close_within_limit, wanted <= LIMIT);
#ifdef REACH_REPLACED
  PROMISE(never_replaced, !(epochs == 2 && closing[1] && CARRIES(0) && known[0] == 2));
#endif
#endif
  skip
}

/* A slot was granted after the store was lost: with the nodes that came back in time, all is within the limit. */
inline check_recovered(n) {
  if
  :: JUDGES_R1 && epochs > 1 ->
    wanted = 1;
    for (i : 0 .. NODES - 1) {
      if
      :: i != (n) && conn[i] == OPEN && !told[i] && !excused[i] -> wanted++
      :: else
      fi
    }
    PROMISE(R1_exact_after_recovery, wanted <= LIMIT)
  :: else
  fi
}

/* All is calm: every node holds a session or is gone, nothing is under way, the dead are swept. */
#define idle(n) (where[n] == CRASHED || (where[n] == HOLDING && verb[n] == NONE && acquire[n] == NONE && \
  release[n] == NONE && conn[n] != ASKING && !told[n] && \
  epoch == known[n] && live[lease[n]] == generation[n]))
#define crashed_lease_over(n) (where[n] != CRASHED || lease[n] == 0 || !live[lease[n]])
#define quiet(n) (idle(n) && crashed_lease_over(n))

inline look() {
  same = true;
  for (i : 1 .. LEASE_SLOTS - 1) {
    same = same && !dead[i] && (!live[i] || lease[owner(i)] == i)
  }
  for (i : 0 .. ID_SLOTS - 1) {
    same = same && !pending[i]
  }
  if
  :: same ->
    for (i : 0 .. ID_SLOTS - 1) {
      n1 = i / IDS;
      wanted = (conn[n1] == OPEN && id(n1) == i && where[n1] != CRASHED -> lease[n1] : 0);
      PROMISE(L5_no_leak, member[i] == wanted)
    }
    /* Controls of the model itself: such ends of a run exist, so what is promised of them is not void. */
#ifdef REACH_REJOIN
    PROMISE(never_rejoined, !(conn[0] == OPEN && lease[0] == first(0) + 1 && conn[1] == GONE));
#endif
#ifdef REACH_RECOVERY
    PROMISE(never_recovered, !(epochs == 2 && !recovering && conn[0] == OPEN && lease[0] != 0 && lease[1] != 0));
#endif
    skip
  :: else
  fi
}

/* ==== The processes: every step is one alternative of a loop. ======================================================== */

#define ALIVE (where[n] != CRASHED)
/* One more than the budget for a node that hears by it that the store is lost: else it would stand still after the loss. */
#ifdef REPLACED
#define TO_HEAR_OF_LOSS (epoch != known[n] -> 1 : 0)
#else
#define TO_HEAR_OF_LOSS 0
#endif
#define CAN_REDIAL (lease[n] != 0 && generation[n] < (n == 0 -> GENERATIONS : RIVAL_GENERATIONS) + TO_HEAR_OF_LOSS)
#define CAN_BEGIN (lease[n] == 0 && (generation[n] == 0 || age[n] >= D) && \
  taken[n] < (n == 0 -> LEASES : RIVAL_LEASES))
/* A lease whose first hello went unanswered is asked for again while it cannot have died and been forgotten. */
#define CAN_ASK_AGAIN (lease[n] == 0 && generation[n] > 0 && age[n] < D && \
  generation[n] < (n == 0 -> GENERATIONS : RIVAL_GENERATIONS))
/* A call that takes as long as that has been given up. */
#define HEARS_HELLO (verb[n] == HELLO_KNOWN || age[n] < D)

#ifdef AUDIT_WHILE_OWING
#define MAY_AUDIT (where[n] == HOLDING || where[n] == OWING)
#else
#define MAY_AUDIT (where[n] == HOLDING)
#endif

/* Renewals may come at any time: the first at once, in a recovery more often. Where the store's clock does not jump, more of
   them than one an interval would only be more states: the clock moves no faster by them. */
#if defined(AGELESS) || defined(CLOSE) || JUMPS > 0
#define RENEWAL_DUE true
#else
#define RENEWAL_DUE (age[n] >= R)
#endif

proctype node(byte n) {
  do
  /* join: hello with the known lease and the next generation, or with a new lease */
  :: d_step { where[n] == AWAY && CAN_REDIAL ->
      generation[n]++; where[n] = JOINING; say(n, HELLO_KNOWN); bearing[n] = HELD(n) }
  :: d_step { where[n] == AWAY && CAN_BEGIN ->
      taken[n]++; generation[n] = 1; age[n] = 0; where[n] = JOINING; say(n, HELLO_NEW); bearing[n] = HELD(n) }
  :: d_step { where[n] == AWAY && CAN_ASK_AGAIN ->
      generation[n]++; where[n] = JOINING; say(n, HELLO_NEW); bearing[n] = HELD(n) }
  :: d_step { where[n] == JOINING && answer[n] != SENT && HEARS_HELLO -> hear_hello(n) }

  /* reassert before anything else, if the lease is new although a connection is open */
  :: d_step { where[n] == OWING && verb[n] == NONE -> say(n, REASSERT); bearing[n] = HELD(n) }
  :: d_step { verb[n] == REASSERT && answer[n] != SENT -> hear_reassert(n) }

  /* renew */
  :: d_step { where[n] == HOLDING && verb[n] == NONE && RENEWAL_DUE -> say(n, RENEW) }
  :: d_step { verb[n] == RENEW && answer[n] != SENT -> hear_renew(n) }

#ifdef AUDITS
  /* audit: not before the store was told of what is open, and not for a connection that was told to close */
  :: d_step { MAY_AUDIT && verb[n] == NONE && conn[n] != ASKING -> say(n, AUDIT); bearing[n] = AUDITED(n) }
  :: d_step { (verb[n] == AUDIT || verb[n] == PUT_BACK) && answer[n] != SENT -> hear_audit(n) }
#endif

  /* a connection: asked for, admitted or not, given up by its client, closed */
  :: d_step { where[n] == HOLDING && (conn[n] == UNASKED || conn[n] == ASKING) && acquire[n] == NONE ->
      conn[n] = ASKING; acquire[n] = SENT }
  :: d_step { acquire[n] != NONE && acquire[n] != SENT -> hear_acquire(n) }
  :: d_step { ALIVE && conn[n] == ASKING && !unwanted[n] -> abandon(n) }
  :: d_step { ALIVE && conn[n] == OPEN -> pending[id(n)] = true; leave_connection(n) }
#ifdef CLOSE
  /* D is over. A node that pauses overlooks it for a while: till then no frame passes all the same. */
  :: d_step { ALIVE && conn[n] == OPEN && !closing[n] && UNVOUCHED(n) >= D -> closing[n] = true }
#endif

  /* the release queue */
  :: d_step { where[n] == HOLDING && release[n] == NONE && pending[n * IDS] ->
      release[n] = SENT; releasing[n] = n * IDS }
#if IDS > 1
  :: d_step { where[n] == HOLDING && release[n] == NONE && pending[n * IDS + 1] ->
      release[n] = SENT; releasing[n] = n * IDS + 1 }
#endif
  :: d_step { release[n] != NONE && release[n] != SENT -> hear_release(n) }

  /* kill -9 */
  :: d_step { ALIVE && crashes > 0 ->
      end_session(n);
      for (i : n * IDS .. n * IDS + IDS - 1) { pending[i] = false }
      crashes--; where[n] = CRASHED; conn[n] = GONE; told[n] = false; closing[n] = false;
      owed[n] = NONE; age[n] = D; former[n] = 0; maybeTaken[n] = false; unwanted[n] = false }
  od
}

/* Keeps a call for later delivery, as the node sent it. */
inline hold_back(n, verb_, detail) {
  lateVerb[n] = verb_;
  lateLease[n] = (verb_ == HELLO_NEW -> trial(n) : lease[n]);
  lateGeneration[n] = generation[n];
  lateEpoch[n] = known[n];
  lateDetail[n] = detail;
  lateMode[n] = (verb_ == REASSERT -> owed[n] : NONE)
}

inline drop_late(n) {
  lateVerb[n] = NONE;
  lateLease[n] = 0;
  lateGeneration[n] = 0;
  lateEpoch[n] = 0;
  lateDetail[n] = 0;
  lateMode[n] = NONE
}

#define IN_SESSION (where[n] == JOINING || where[n] == OWING || where[n] == HOLDING)

/* What lies between a node and the store: it carries calls in any order, loses them, loses answers, holds calls back. */
proctype network(byte n) {
  do
  :: d_step { answer[n] == SENT && verb[n] == HELLO_NEW ->
      hello_new(trial(n), generation[n], bearing[n]);
      /* The answer carries the epoch; the node has none meanwhile. */
      known[n] = epoch;
      answer[n] = verdict }
  :: d_step { answer[n] == SENT && verb[n] == HELLO_KNOWN ->
      hello_known(lease[n], generation[n], known[n], answered[n]); answer[n] = verdict }
  :: d_step { answer[n] == SENT && verb[n] == RENEW ->
      renew(lease[n], generation[n], known[n]); answer[n] = verdict }
  :: d_step { answer[n] == SENT && verb[n] == REASSERT ->
      reassert(lease[n], generation[n], known[n], id(n), bearing[n], owed[n], true);
      excused[n] = excused[n] && verdict != OK;
      wasFenced[n] = wasFenced[n] && verdict != OK;
      answer[n] = verdict }
#ifdef CLOSE
  /* What is being closed is told only where there is room; what came to be closed since it was said, whatever there is. As
     far as the node has heard that the store recovers, it is not told at all, and has no slot from then on. */
  :: d_step { answer[n] == SENT && verb[n] == REASSERT && closing[n] && owed[n] != ROOM ->
      reassert(lease[n], generation[n], known[n], id(n), bearing[n], ROOM, true);
      excused[n] = excused[n] && verdict != OK;
      wasFenced[n] = wasFenced[n] && verdict != OK;
      answer[n] = verdict }
  :: d_step { answer[n] == SENT && verb[n] == REASSERT && closing[n] ->
      reassert(lease[n], generation[n], known[n], id(n), false, ROOM, true);
      answer[n] = (verdict == OK -> FULL : verdict) }
#endif
#ifdef AUDITS
  :: d_step { answer[n] == SENT && verb[n] == AUDIT -> audit(n); answer[n] = verdict }
  :: d_step { answer[n] == SENT && verb[n] == PUT_BACK ->
      reassert(lease[n], generation[n], known[n], id(n), true, KEEP, false);
      occupancy();
      PROMISE(S1_slots_within_limit, slots <= LIMIT || epochs > 1);
      answer[n] = verdict }
#endif
  :: d_step { acquire[n] == SENT -> take(lease[n], generation[n], known[n], id(n)); acquire[n] = verdict }
  :: d_step { release[n] == SENT ->
      give_back(lease[n], generation[n], known[n], releasing[n]); release[n] = verdict }

  /* The connection breaks, or a call goes unanswered for too long. At most one call is delivered later. */
#ifndef REPLACED
  /* Where another process answers, all break at the loss, and before and after it a break says no more than a pause. */
  :: d_step { IN_SESSION -> end_session(n) }
#endif
#ifdef LATE
  :: d_step { IN_SESSION && answer[n] == SENT && verb[n] != AUDIT && verb[n] != PUT_BACK ->
      spare = verb[n]; step = (spare == HELLO_KNOWN -> answered[n] : bearing[n]);
      hold_back(n, spare, step); end_session(n) }
  :: d_step { IN_SESSION && acquire[n] == SENT -> hold_back(n, ACQUIRE, id(n)); end_session(n) }
  :: d_step { IN_SESSION && release[n] == SENT -> hold_back(n, RELEASE, releasing[n]); end_session(n) }

  :: d_step { lateVerb[n] == HELLO_NEW -> hello_new(lateLease[n], lateGeneration[n], lateDetail[n]); drop_late(n) }
  :: d_step { lateVerb[n] == HELLO_KNOWN ->
      hello_known(lateLease[n], lateGeneration[n], lateEpoch[n], lateDetail[n]); drop_late(n) }
  :: d_step { lateVerb[n] == RENEW -> renew(lateLease[n], lateGeneration[n], lateEpoch[n]); drop_late(n) }
  :: d_step { lateVerb[n] == REASSERT ->
      reassert(lateLease[n], lateGeneration[n], lateEpoch[n], id(n), lateDetail[n], lateMode[n], true); drop_late(n) }
  :: d_step { lateVerb[n] == ACQUIRE ->
      take(lateLease[n], lateGeneration[n], lateEpoch[n], lateDetail[n]); drop_late(n) }
  :: d_step { lateVerb[n] == RELEASE ->
      give_back(lateLease[n], lateGeneration[n], lateEpoch[n], lateDetail[n]); drop_late(n) }
#endif
  od
}

/* Every member of one dead lease goes. Any node may do it at any time, so it needs no node here. */
inline sweep(lease_) {
  for (i : 0 .. ID_SLOTS - 1) {
    member[i] = (member[i] == lease_ -> 0 : member[i])
  }
  dead[lease_] = false
}

/* The store's memory is gone: by FLUSHALL, and the connections live on; or another process answers (REPLACED), which has
   the same data or old ones. */
inline lose_memory() {
  for (i : 0 .. NODES - 1) {
    excused[i] = JUDGES_R1 && (where[i] == CRASHED || wasFenced[i])
  }
  for (i : 1 .. LEASE_SLOTS - 1) {
    dead[i] = dead[i] || live[i];
    live[i] = 0;
    left[i] = 0;
    reasserting[i] = false;
    declared[i] = false
  }
  wipes--;
  epoch = 0;
  recovering = false;
  recovery = 0;
  recoveryLimit = 0;
  since = 0
}

inline empty_tables() {
  for (i : 1 .. LEASE_SLOTS - 1) { dead[i] = false; live[i] = 0 }
  for (i : 0 .. ID_SLOTS - 1) { member[i] = 0 }
}

/* An old snapshot at its worst: what was there is missing, what was gone is back. */
inline old_tables() {
  for (i : 0 .. ID_SLOTS - 1) {
    member[i] = (member[i] == 0 -> first(i / IDS) : 0)
  }
  for (i : 0 .. NODES - 1) { dead[first(i)] = true }
}

inline break_connections() {
  for (n1 : 0 .. NODES - 1) {
    drop_late(n1);
    if
    :: where[n1] != CRASHED && where[n1] != AWAY -> end_session(n1)
    :: else
    fi
  }
}

/* A node that has not come back to a new life of the store in time may find its slots taken (R1 says so). */
#define CAME(n) (known[n] == epoch && lease[n] != 0)
inline excuse_the_late() {
  if
  :: JUDGES_R1 && epochs > 1 && epoch != 0 && sinceEpoch < LONG ->
    sinceEpoch++;
    for (i : 0 .. NODES - 1) {
      excused[i] = excused[i] || (sinceEpoch >= 2 * R && !CAME(i)) ||
        (sinceEpoch >= RECOVERY_ENDS && (!CAME(i) || owed[i] != NONE))
    }
  :: else
  fi
}

#ifdef TIME_AFTER_LOSS
#define TIME_RUNS (epoch != 1)       /* a run about a lost store need not count the time before the loss */
#else
#define TIME_RUNS true
#endif

proctype world() {
  do
#ifdef TIME
  :: d_step { TIME_RUNS ->
      since = (since < STEP_MAX -> since + 1 : since);
#ifndef AGELESS
      for (i : 0 .. NODES - 1) {
        age[i] = (age[i] < D -> age[i] + 1 : D);
#ifdef CLOSE
        former[i] = (owed[i] == NONE || former[i] >= D -> former[i] : former[i] + 1);
#endif
        sentAge[i] = ((verb[i] == RENEW || verb[i] == HELLO_NEW || verb[i] == HELLO_KNOWN) && sentAge[i] < D ->
          sentAge[i] + 1 : sentAge[i])
      }
#endif
      excuse_the_late() }
#endif
#if JUMPS > 0
  :: d_step { jumps > 0 -> jumps--; since = STEP_MAX }
  :: d_step { jumps > 0 -> jumps--; since = 0 }
#endif
#if WIPES > 0
#ifdef REPLACED
  :: d_step { wipes > 0 -> break_connections(); lose_memory() }
  :: d_step { wipes > 0 -> break_connections(); old_tables(); lose_memory() }
#else
  :: d_step { wipes > 0 -> empty_tables(); lose_memory() }
#endif
#endif
  :: d_step { epoch != 0 && dead[first(0)] -> sweep(first(0)) }
  :: d_step { epoch != 0 && dead[first(1)] -> sweep(first(1)) }
#if LEASES > 1
  :: d_step { epoch != 0 && dead[first(0) + 1] -> sweep(first(0) + 1) }
  :: d_step { epoch != 0 && dead[first(1) + 1] -> sweep(first(1) + 1) }
#endif
#if LEASES > 2
  :: d_step { epoch != 0 && dead[first(0) + 2] -> sweep(first(0) + 2) }
  :: d_step { epoch != 0 && dead[first(1) + 2] -> sweep(first(1) + 2) }
#endif
  :: d_step { quiet(0) && quiet(1) -> look() }
  od
}

/* A run begins with both nodes at work under their first lease, but for a newcomer, and nobody connected. */
init {
  d_step {
    epoch = 1;
    for (i : 0 .. NODES - 1) {
      where[i] = HOLDING;
      taken[i] = 1;
      lease[i] = first(i);
      generation[i] = 1;
      answered[i] = 1;
      known[i] = 1;
      live[first(i)] = 1;
      opened[first(i)] = 1;
      left[first(i)] = T;
      conn[i] = UNASKED
    }
#ifdef NEWCOMER
    /* The first node has just been started. */
    where[0] = AWAY;
    taken[0] = 0;
    lease[0] = 0;
    generation[0] = 0;
    answered[0] = 0;
    known[0] = 0;
    live[first(0)] = 0;
    opened[first(0)] = 0;
    left[first(0)] = 0;
    age[0] = D
#endif
  };
  atomic {
    run node(0); run node(1);
    run network(0); run network(1);
    run world()
  }
}
