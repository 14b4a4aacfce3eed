import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Clock } from '../core/clock.js'
import type { Tiers } from '../core/tiers.js'
import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'
import type { Log } from '../observe/log.js'
import type { IdentitySource } from './identity-source.js'
import { type InPieces, inTurns } from './in-pieces.js'
import { parseKeyFileInPieces } from './key-file-schema.js'
import { KeyRing } from './key-ring.js'
import { withKnownTiers } from './key-tiers.js'
import { readKeyFile } from './read-key-file.js'

export interface KeyFileOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** Keys may be in these tiers; any name passes where absent. */
  readonly tiers?: Tiers
  /** How often the file is looked at; 1 s where absent. */
  readonly pollMs?: number
}

export type OpenedKeyFile =
  | { readonly ok: true; readonly keyFile: KeyFile }
  /** Whole sentences about the file, without anything secret. */
  | { readonly ok: false; readonly problems: readonly string[] }

/** A file as it was when it was last read. */
interface Seen {
  readonly version: string
  /** When this version was first seen. */
  readonly sinceMs: number
  readonly digest?: string
  /** It was read so late after that that no other text can have the same version. */
  readonly isSettled: boolean
}

type Loaded = { readonly seen: Seen; readonly ring?: KeyRing; readonly problems: readonly string[] }

/** The times of a file may be kept no finer: NFS and FAT have steps of 1 and 2 s, Linux before 6.13 of some 4 ms. */
const COARSEST_TIMES_MS = 2_000
/** After so long a look is one that hangs. */
const SLOW_LOOK_MS = 10_000

/**
 * The API keys of a file, which may change at any time: a changed file counts within about a second, for the next
 * upgrade and for the connections of a key that is gone, disabled or another gateway's now: these are closed. A file
 * that became unreadable or wrong changes nothing but the log and `isUsable`; the keys read last stay in force.
 *
 * The file is looked at instead of watched, because a Kubernetes secret changes by moving a symbolic link two levels
 * up, which watchers miss. One look is under way at a time; if the disk hangs, the keys stay as they are, and the log
 * says so. No second look is begun beside one that hangs: each keeps a thread, of which the process has four.
 */
export class KeyFile implements IdentitySource {
  readonly #options: KeyFileOptions
  #ring: KeyRing
  #seen: Seen
  #gate: Pick<Gate, 'closeRevoked'> | undefined
  #isUsable = true
  #wasSlow = false
  #stopped = false
  #cancel: () => void = () => {}

  private constructor(options: KeyFileOptions, ring: KeyRing, seen: Seen) {
    this.#options = options
    this.#ring = ring
    this.#seen = seen
    this.#schedule()
  }

  /** Reads the file for the first time and keeps looking at it until `stop`. */
  static async open(options: KeyFileOptions): Promise<OpenedKeyFile> {
    const cancel = options.clock.after(SLOW_LOOK_MS, () => tellSlow(options))
    const { seen, ring, problems } = await load(options, undefined, cancel)
    return ring === undefined ? { ok: false, problems } : { ok: true, keyFile: new KeyFile(options, ring, seen) }
  }

  identify(key: string): Identification | undefined {
    return this.#ring.identify(key)
  }

  mayStay(identity: Identity): boolean {
    return this.#ring.mayStay(identity)
  }

  watch(gate: Pick<Gate, 'closeRevoked'>): void {
    this.#gate = gate
  }

  tierOf(org: string): string | undefined {
    return this.#ring.tierOf(org)
  }

  /** Whether the file as it is now is in force, and not what was read before. */
  get isUsable(): boolean {
    return this.#isUsable
  }

  /** The number of keys in force. */
  get size(): number {
    return this.#ring.size
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #schedule(): void {
    if (!this.#stopped) this.#cancel = this.#options.clock.after(this.#options.pollMs ?? 1_000, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { path, clock, log } = this.#options
    let isSlow = false
    this.#cancel = clock.after(SLOW_LOOK_MS, () => {
      isSlow = true
      if (!this.#wasSlow) tellSlow(this.#options)
    })
    const { seen, ring, problems } = await load(this.#options, this.#seen, this.#cancel)
    if (this.#stopped) return
    this.#wasSlow = isSlow
    this.#seen = seen
    if (ring !== undefined) {
      this.#ring = ring
      this.#isUsable = true
      log.info({ path, keys: ring.size }, 'key file reloaded')
      void this.#gate?.closeRevoked()
    } else if (problems.length > 0) {
      this.#isUsable = false
      log.error({ path, problems, keys: this.size }, 'key file cannot be used, the keys read before stay in force')
    }
    this.#schedule()
  }
}

/**
 * Reads the file unless it is still as it was when it was `known`; without problems of which that has told. `answered` is
 * called when the disk has said all that it was asked.
 */
async function load(options: KeyFileOptions, known: Seen | undefined, answered: () => void): Promise<Loaded> {
  const { path, clock } = options
  try {
    // Taken before reading: a file that is changed meanwhile has another version at the next look, and is read again.
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    const version = [ino, size, mtimeNs, ctimeNs].join(':')
    const isSame = version === known?.version
    if (isSame && known.isSettled) return { seen: known, problems: [] }
    const nowMs = clock.monotonicMs()
    const sinceMs = isSame ? known.sinceMs : nowMs
    const bytes = await readKeyFile(path)
    answered()
    const digest = createHash('sha256').update(bytes).digest('hex')
    const seen = { version, sinceMs, digest, isSettled: nowMs - sinceMs > COARSEST_TIMES_MS }
    return digest === known?.digest ? { seen, problems: [] } : { seen, ...(await inTurns(clock, read(bytes, options))) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem = `${path}: it cannot be read (${code ?? message})`
    // Not the version that was seen: a file that could not be read this time is read again, whether it changes or not.
    const seen = { version: problem, sinceMs: 0, isSettled: false }
    return { seen, problems: known?.version === problem ? [] : [problem] }
  } finally {
    answered()
  }
}

function tellSlow({ path, log }: KeyFileOptions): void {
  log.warn({ path, forMs: SLOW_LOOK_MS }, 'the key file is not read yet: does its disk answer?')
}

function* read(bytes: Uint8Array, { path, tiers, log }: KeyFileOptions): InPieces<Pick<Loaded, 'ring' | 'problems'>> {
  const parsed = yield* parseKeyFileInPieces(bytes)
  if (!parsed.ok) return { problems: parsed.problems.map((problem) => `${path}: ${problem}`) }
  const entries = tiers ? withKnownTiers(parsed.entries, tiers, log) : parsed.entries
  if (entries.every(({ disabled }) => disabled)) {
    log.warn({ path, keys: entries.length }, 'the key file has no key that is in force: it lets nobody in')
  }
  return { ring: yield* KeyRing.inPieces(entries), problems: [] }
}
