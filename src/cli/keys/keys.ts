import { randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { digestOf } from '../../identity/digest.js'
import { settings } from '../../server/config-settings.js'
import { CliError } from '../cli-error.js'
import { complaint } from '../operate.js'
import { pageOf, table } from '../terminal/page.js'
import { jsonLine, safe } from '../terminal/safe-text.js'
import { type KeyRow, nameOf, withoutKey } from './key-rows.js'

interface CommonOptions {
  readonly keysFile: string
  readonly json: boolean
}

interface AddOptions extends CommonOptions {
  readonly id?: string
  readonly tier?: string
  readonly priority: boolean
}

/** A key cannot be guessed, and tells whoever finds it lying about what it is. */
const KEY_PREFIX = 'hc_'
const KEY_BYTES = 32

/** Adds `keys add`, `keys list` and `keys revoke`: the key file, changed while nodes read it. */
export function addKeysCommand(program: Command): void {
  const keys = program.command('keys').description('the keys in the key file')
  const add = keys
    .command('add')
    .description('make a key and print it, this once; the file keeps its SHA-256 only')
    .argument('<org>', 'id of the org')
    .argument('<gateway>', 'id of the gateway')
    .option('--id <id>', 'what people call the key; the beginning of its SHA-256 where absent')
    .option('--tier <tier>', 'the limit of its org by name; the default limit where absent')
    .option('--priority', 'may use what is reserved of the limit of its org', false)
  edits(add, ({ keysFile, json, ...asked }: AddOptions) => addKey(keysFile, add.args, asked, json))
  const list = keys.command('list').description('whose the keys are, never the keys themselves')
  edits(list, ({ keysFile, json }: CommonOptions) => listKeys(keysFile, json))
  const revoke = keys
    .command('revoke')
    .description('take a key out: every node closes its connections with 4401 when it has read the file')
    .argument('<id>', 'what the key is called, as `headcount keys list` shows it')
    .option('--disable', 'leave it in the file, disabled: it is refused with 403 and not with 401', false)
  edits(revoke, async ({ keysFile, json, disable }: CommonOptions & { disable: boolean }) => {
    const [id = ''] = revoke.args
    const { editKeyFile } = await keyFileEdit()
    await editKeyFile(keysFile, (rows) => withoutKey(rows, id, disable))
    const [outcome, word] = disable ? ['disabled', 'disabled'] : ['revoked', 'taken out']
    process.stdout.write(json ? `${jsonLine({ id, [outcome]: true })}\n` : `${safe(id)}: ${word}\n`)
  })
}

/** What checks a key file takes long to load, and every other command does without. */
const keyFileEdit = () => import('./key-file-edit.js')

function edits<T extends CommonOptions>(command: Command, run: (options: T) => Promise<void>): void {
  const { flag, name } = settings.keysFile
  command
    .addOption(new Option(`${flag} <path>`, 'the key file').env(name))
    .option('--json', 'the answer as one JSON object, on one line', false)
    .action(async () => {
      const options = command.opts<T>()
      try {
        if (!options.keysFile) throw new CliError('no key file is named', `${flag} or ${name} says which it is`)
        await run(options)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        process.stderr.write(complaint(error, options.json))
        process.exitCode = 1
      }
    })
}

type Asked = Pick<AddOptions, 'id' | 'tier' | 'priority'>

async function addKey(path: string, [orgId, gatewayId]: string[], asked: Asked, json: boolean): Promise<void> {
  const { id, tier, priority } = asked
  const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url')
  const row: KeyRow = {
    ...(id !== undefined && { id }),
    sha256: digestOf(key).toString('hex'),
    orgId: orgId!,
    gatewayId: gatewayId!,
    ...(tier !== undefined && { tier }),
    ...(priority && { priority }),
  }
  const { editKeyFile } = await keyFileEdit()
  // Whoever is shown a key can use it: the file has it by then.
  await editKeyFile(path, (rows) => ({ ok: true, rows: [...rows, row] }))
  const tiers = settings.tiers.kind.parse(process.env[settings.tiers.name] ?? settings.tiers.default)
  if (tier !== undefined && 'value' in tiers && tiers.value.limitOf(tier) === undefined) {
    const known = `${settings.tiers.name} here has ${tiers.value.names.join(', ')}`
    process.stderr.write(`warning: ${known}; a node whose own has no ${safe(tier)} takes the lowest instead\n`)
  }
  if (json) return void process.stdout.write(`${jsonLine({ ...shown(row), key })}\n`)
  // Standard output is the key alone, for a pipe into whatever keeps secrets.
  process.stdout.write(`${key}\n`)
  process.stderr.write(`${safe(nameOf(row))}: key of ${safe(gatewayId!)} of ${safe(orgId!)}, not shown again\n`)
}

async function listKeys(path: string, json: boolean): Promise<void> {
  const { readKeyRows } = await keyFileEdit()
  const rows = await readKeyRows(path)
  if (rows === undefined) throw new CliError(`there is no ${path}`, '`headcount keys add` makes one with its first key')
  if (json) return void process.stdout.write(`${jsonLine({ keys: rows.map(shown) })}\n`)
  if (rows.length === 0) return void process.stdout.write('no key\n')
  const columns = ['ID', 'TIER', 'STATE', 'KEPT', 'GATEWAY', 'ORG'].map((title) => ({ title }))
  const cells = rows.map((row) => {
    const { hashed, disabled, priority, tier = '' } = shown(row)
    const state = `${disabled ? 'disabled' : 'in force'}${priority ? ', priority' : ''}`
    return [nameOf(row), safe(tier), state, hashed ? 'hashed' : 'in the clear', safe(row.gatewayId), safe(row.orgId)]
  })
  process.stdout.write(
    table(pageOf(process.stdout, process.env), columns, cells)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

/** A key as it may be shown: all but the key. */
function shown(row: KeyRow) {
  const { orgId, gatewayId, tier, priority = false, disabled = false, sha256 } = row
  const terms = { ...(tier !== undefined && { tier }), priority, disabled, hashed: sha256 !== undefined }
  return { id: nameOf(row), orgId, gatewayId, ...terms }
}
