import { Command } from 'commander'
import { settingsHelp } from '../server/config-docs.js'

/** The program with `serve` alone: the same server that `npm start` runs. */
export function serveProgram(version: string, description: string): Command {
  const program = new Command('headcount')
    .description(description)
    .version(version)
    .showHelpAfterError('(--help shows what is possible)')
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
  return program
}
