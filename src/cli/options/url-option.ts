import { type Command, Option } from 'commander'

interface UrlOption<T> {
  readonly flags: string
  readonly env: string
  readonly description: string
  /** Of a text that is no such address it says `undefined`. */
  readonly read: (text: string) => T | undefined
  /** Ends the sentence "It must look like …". */
  readonly example: string
}

/**
 * An option of `command` whose value is an address. What is wrong with it is said in words of our own, because those of
 * commander repeat the text, and a password may stand anywhere in it.
 */
export function urlOption<T>(command: Command, { flags, env, description, read, example }: UrlOption<T>): Option {
  const option = new Option(flags, description).env(env)
  const complain = () =>
    command.error(`error: ${option.long} or ${env} is no such address. It must look like ${example}.`)
  return option.argParser((text: string) => read(text) ?? complain())
}
