import type { Command } from 'commander'
import { settingsHelp } from '../server/config-docs.js'

/** Adds `serve`: the same server that `npm start` runs. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run a node')
    .usage('[flags]')
    .addHelpText('after', () => `\nFlags, variables and defaults:\n${settingsHelp()}`)
    // The server reads its flags itself and explains what is wrong with them.
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      process.argv.splice(process.argv.indexOf('serve'), 1)
      await import(new URL('../server/main.js', import.meta.url).href)
    })
}
