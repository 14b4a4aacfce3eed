import type { Command } from 'commander'
import { CONFIG_EXIT_CODE, loadConfig } from '../server/config.js'
import { settingsHelp } from '../server/config-docs.js'
import { type Setting, settingsList } from '../server/config-settings.js'
import { readSources } from '../server/config-sources.js'
import { jsonLine, safe } from './terminal/safe-text.js'

interface Shown {
  readonly name: string
  readonly value: string | null
  readonly origin: string
}

/** Adds `config`: what a node that was started here, with these flags, would be set to. */
export function addConfigCommand(program: Command): void {
  const config = program.command('config').description('the settings of a node')
  // The flags are read as the server reads them, which explains what is wrong with them.
  const flags = (command: Command) => command.argument('[flags...]', 'flags of `serve`').allowUnknownOption()
  const show = flags(config.command('show'))
    .description('every setting as a node that was started here would have it; secrets are not shown')
    .option('--origin', 'where each comes from', false)
    .option('--json', 'one JSON object', false)
  show.action((argv: string[]) => {
    const { origin, json } = show.opts<{ origin: boolean; json: boolean }>()
    const { given, errors } = readSources({ argv, env: process.env })
    // What was not understood stands nowhere below, and must not be taken for being in force.
    for (const { message } of errors) process.stderr.write(`wrong: ${safe(message)}\n`)
    if (errors.length > 0) process.exitCode = CONFIG_EXIT_CODE
    const shown = settingsList.map((setting) => showOne(setting, given.get(setting.name)))
    if (json) return void process.stdout.write(`${jsonLine({ settings: shown })}\n`)
    for (const each of shown) {
      process.stdout.write(`${each.name}=${safe(each.value ?? '')}${origin ? `  # ${safe(each.origin)}` : ''}\n`)
    }
  })
  config
    .command('doc')
    .description('every setting: flag, variable, default and meaning')
    .action(() => void process.stdout.write(`${settingsHelp()}\n`))
  flags(config.command('check'))
    .description('whether a node would start with these settings; exits with 0, or with 78 as the node would')
    .action(checkAll)
}

function checkAll(argv: string[]): void {
  const loaded = loadConfig({ argv, env: process.env })
  for (const warning of loaded.warnings) process.stdout.write(`warning: ${safe(warning)}\n`)
  if (!loaded.ok) {
    for (const { message } of loaded.errors) process.stdout.write(`wrong: ${safe(message)}\n`)
    process.exitCode = CONFIG_EXIT_CODE
  } else
    process.stdout.write(
      'the settings are sound; the key file, those that REDIS_URL names and the ports are tried only at a start\n',
    )
}

function showOne(setting: Setting, given: { text: string; origin: string } | undefined): Shown {
  const { name, default: usual, defaultShown } = setting
  if (given) return { name, value: secretless(setting, given.text), origin: given.origin }
  return { name, value: usual ?? null, origin: `default${usual ? '' : `: ${defaultShown}`}` }
}

/** A kind that has its own way of being shown in errors may hold a secret. */
function secretless({ kind }: Setting, text: string): string {
  const shown = kind.show?.(text)
  return shown === undefined || shown === JSON.stringify(text) ? text : (kind.outline?.(text) ?? '(set, not shown)')
}
