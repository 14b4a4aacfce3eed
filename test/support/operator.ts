import { spawnNode } from './processes.js'

export interface Told {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Of stdout. */
  readonly lines: string[]
}

/** Runs a command of the operators' command line from dist to its end. Nothing of it is a terminal. */
export async function operate(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Told> {
  const command = await spawnNode('dist/cli/main.js', args, env)
  const { code } = await command.exited
  const stdout = command.stdout()
  return { code, stdout, stderr: command.stderr(), lines: stdout.split('\n').slice(0, -1) }
}
