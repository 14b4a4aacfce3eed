import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child process that cannot outlive this one, whatever way this one ends. */
export interface OwnedProcess {
  readonly pid: number
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<Exit>
  running(): boolean
  signal(signal: NodeJS.Signals): void
  /** Sends SIGKILL, which also ends a stopped process, and waits until it is gone. */
  kill(): Promise<void>
  /** Everything it has written so far to stdout and stderr, in the order it came. */
  output(): string
  /** The same, of stdout alone. */
  stdout(): string
  /** The same, of stderr alone. */
  stderr(): string
  /** Writes to its stdin; only for a process that was started with `typing`. */
  type(text: string): void
}

export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Whether it has a stdin to which `type` writes; else it reads nothing. */
  readonly typing?: boolean
}

/** Starts a process; rejects when there is no such command. */
export function spawnOwned(
  command: string,
  args: readonly string[],
  { typing = false, ...options }: SpawnOptions = {},
): Promise<OwnedProcess> {
  const child = spawn(command, args, { ...options, stdio: [typing ? 'pipe' : 'ignore', 'pipe', 'pipe'] })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => resolve(own(child)))
  })
}

function own(child: ChildProcess): OwnedProcess {
  const pid = child.pid!
  let all = ''
  let stdout = ''
  let stderr = ''
  let gone = false
  // A process that ends without reading its input is no fault of the one who typed.
  child.stdin?.on('error', () => {})
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    all += text
    stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    all += text
    stderr += text
  })
  tellReaper(`kill ${pid}`)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', () => {
      gone = true
      tellReaper(`spare ${pid}`)
    })
    // `close` comes after `exit`, when the last output has been read.
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    pid,
    exited,
    running: () => !gone,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    output: () => all,
    stdout: () => stdout,
    stderr: () => stderr,
    type(text) {
      if (!child.stdin) throw new Error('this process was started without typing')
      child.stdin.write(text)
    },
  }
}

/** A new empty directory that is removed at the latest when this process is gone. */
export function temporaryDirectory(): string {
  reaper ??= startReaper()
  return mkdtempSync(join(reaper.directory, 'd'))
}

interface Reaper {
  readonly directory: string
  readonly stdin: Socket
}

let reaper: Reaper | undefined

function tellReaper(line: string): void {
  reaper ??= startReaper()
  reaper.stdin.write(`${line}\n`)
}

/**
 * An exit handler does not run in a process that is killed, so a small shell watches this one instead: its stdin ends
 * when this process does, and then it kills what is still listed and removes the temporary directories.
 */
function startReaper(): Reaper {
  const directory = mkdtempSync(join(tmpdir(), 'headcount-test-'))
  const child = spawn('/bin/sh', ['-c', REAPER_SCRIPT, 'reaper', directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const stdin = child.stdin as Socket
  child.unref()
  stdin.unref()
  return { directory, stdin }
}

const REAPER_SCRIPT = `
trap '' INT TERM HUP
pids=' '
while read -r verb pid; do
  case $verb in
    kill) pids="$pids$pid " ;;
    spare) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
rm -rf "$1"
`
