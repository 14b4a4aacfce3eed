import { monitorStream } from './monitor-stream.js'

/** One call of the script, as Redis ran it. */
export interface ScriptCall {
  readonly verb: string
  readonly lease: number
  /** The commands that the script gave, in capitals, without their arguments. */
  readonly commands: readonly string[]
}

/** Everything that Redis runs, in the order in which it runs it: what no reply and no client can show. */
export class RedisMonitor {
  readonly calls: ScriptCall[] = []
  #commands: string[] = []
  #end = () => {}

  static async start(url: string): Promise<RedisMonitor> {
    const monitor = new RedisMonitor()
    monitor.#end = await monitorStream(url, (source, args) => monitor.#heard(source, args))
    return monitor
  }

  stop(): void {
    this.#end()
  }

  #heard(source: string, args: readonly string[]): void {
    const command = args[0]!.toUpperCase()
    if (source === 'lua') {
      this.#commands.push(command)
    } else if (command === 'EVALSHA' || command === 'EVAL') {
      this.#commands = []
      const first = 3 + Number(args[2])
      this.calls.push({ verb: args[first]!, lease: Number(args[first + 1]), commands: this.#commands })
    }
  }
}
