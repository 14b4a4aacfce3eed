import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseKeyFile } from '../../identity/key-file-schema.js'
import { readKeyFile } from '../../identity/read-key-file.js'
import { CliError } from '../cli-error.js'
import type { KeyRow, RowsChange } from './key-rows.js'

const LOCK_TRIES = 100
const LOCK_PAUSE_MS = 50
/** Of a file that was not there: who else may read it is for its owner to say. */
const NEW_FILE_MODE = 0o600

/** The keys of a file, `undefined` where there is none. Throws a `CliError` for one that a node would not take. */
export async function readKeyRows(path: string): Promise<readonly KeyRow[] | undefined> {
  const bytes = await readKeyFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw cannot('read', path, error)
  })
  return bytes && rowsOf(path, bytes)
}

/**
 * Changes the key file in one step: whoever reads it, at whatever moment, and if this process dies at whatever moment,
 * finds it whole, as it was or as it is to be. Owner and mode stay, and what the change does not touch. Two changes at
 * once come one after the other. Throws a `CliError`, and the file is then as it was.
 *
 * The new text is written beside the file and renamed over it, as git does: the name of that text is the lock too.
 */
export async function editKeyFile(path: string, change: (rows: readonly KeyRow[]) => RowsChange): Promise<void> {
  // A link stays a link: what it leads to is replaced.
  const target = await realpath(path).catch(() => path)
  const lock = `${target}.lock`
  const file = await takeLock(lock)
  try {
    const rows = (await readKeyRows(target)) ?? []
    const changed = change(rows)
    if (!changed.ok) throw new CliError(changed.message, changed.advice)
    const text = `${JSON.stringify({ keys: changed.rows }, null, 2)}\n`
    rowsOf('the changed file', Buffer.from(text))
    await file.writeFile(text)
    await dressAs(target, file)
    // On the disk before it has the name: a crash must not leave an empty file where keys were.
    await file.sync()
    await rename(lock, target)
  } catch (error) {
    await unlink(lock).catch(() => {})
    throw error instanceof CliError ? error : cannot('change', path, error as NodeJS.ErrnoException)
  } finally {
    await file.close()
  }
  await syncDirectory(dirname(target))
}

async function takeLock(lock: string): Promise<FileHandle> {
  for (let tries = 1; ; tries++) {
    try {
      return await open(lock, 'wx', NEW_FILE_MODE)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST') throw cannot('write beside the key file:', lock, error as NodeJS.ErrnoException)
      if (tries < LOCK_TRIES) await wait(LOCK_PAUSE_MS)
      else
        throw new CliError(`${lock} is there: somebody changes the keys`, 'if nobody does any more, delete that file')
    }
  }
}

/** Gives the new file the owner and the mode of the old one, without which the nodes might not read it any more. */
async function dressAs(target: string, file: FileHandle): Promise<void> {
  const old = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (old === undefined) return
  const own = await file.stat()
  if (own.uid !== old.uid || own.gid !== old.gid) await file.chown(old.uid, old.gid)
  await file.chmod(old.mode & 0o777)
}

/** The rename itself may wait for that. Some file systems cannot do it, and have their own ways. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => undefined)
  await directory?.sync().catch(() => {})
  await directory?.close()
}

function rowsOf(path: string, bytes: Uint8Array): readonly KeyRow[] {
  const parsed = parseKeyFile(bytes)
  if (parsed.ok) return (JSON.parse(new TextDecoder().decode(bytes)) as { keys: KeyRow[] }).keys
  throw new CliError(parsed.problems.map((problem) => `${path}: ${problem}`).join('; '), 'nothing was changed')
}

function cannot(what: string, path: string, { code, message }: NodeJS.ErrnoException): CliError {
  const advice =
    code === 'EPERM' || code === 'EACCES' || code === 'EROFS'
      ? 'run it as the user whose file that is, where it is kept and may be written'
      : 'is that the path of the key file?'
  return new CliError(`cannot ${what} ${path} (${code ?? message})`, advice)
}
