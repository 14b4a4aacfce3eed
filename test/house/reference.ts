import { Command, type Option } from 'commander'
import { commonOptions } from '../../src/cli/operate.js'

/** The reference of all commands, as docs/cli.md has it; a test compares. */
export function commandReference(program: Command): string {
  return program.commands.flatMap((command) => sections(command, '')).join('\n\n')
}

/** The options that commands share, as docs/cli.md has them. */
export function commonReference(): string {
  return commonOptions(new Command()).map(line).join('\n')
}

function sections(command: Command, parent: string): string[] {
  const name = `${parent}${command.name()}`
  if (command.commands.length > 0) return command.commands.flatMap((each) => sections(each, `${name} `))
  const common = commonOptions(command).map(({ flags }) => flags)
  const taken = command.options.map(({ flags }) => flags)
  const asks = taken.includes(common[0]!)
  const own = command.options.filter(({ flags }) => !asks || !common.includes(flags))
  const without = common.filter((flags) => !taken.includes(flags)).map((flags) => `\`${flags.split(' ')[0]}\``)
  const but = without.length > 0 ? ` but ${without.slice(0, -1).join(', ')} and ${without.at(-1)}` : ''
  const argumentsOf = command.registeredArguments.map((each) =>
    each.required ? ` <${each.name()}>` : ` [${each.name()}]`,
  )
  const text = [
    `${command.description()}.`,
    ...(asks ? [`Takes the [common options](#common-options)${but}.`] : []),
  ].join(' ')
  const parts = [`### \`${name}${argumentsOf.join('')}\``, text.charAt(0).toUpperCase() + text.slice(1)]
  return [[...parts, ...(own.length > 0 ? [own.map(line).join('\n')] : [])].join('\n\n')]
}

function line({ flags, description, envVar, defaultValue, defaultValueDescription }: Option): string {
  const shown = defaultValueDescription ?? (typeof defaultValue === 'boolean' ? undefined : defaultValue)
  const more = [...(envVar ? [`or ${envVar}`] : []), ...(shown === undefined ? [] : [`default ${shown}`])].join('; ')
  return `- \`${flags}\`: ${description}${more ? ` (${more})` : ''}`
}
