import { Redis } from 'ioredis'

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
  readonly #redis: Redis
  readonly #monitor: Redis

  private constructor(redis: Redis, monitor: Redis) {
    this.#redis = redis
    this.#monitor = monitor
    let commands: string[] = []
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      const command = args[0]!.toUpperCase()
      if (source === 'lua') {
        commands.push(command)
      } else if (command === 'EVALSHA' || command === 'EVAL') {
        commands = []
        const first = 3 + Number(args[2])
        this.calls.push({ verb: args[first]!, lease: Number(args[first + 1]), commands })
      }
    })
  }

  static async start(url: string): Promise<RedisMonitor> {
    const redis = new Redis(url)
    return new RedisMonitor(redis, await redis.monitor())
  }

  stop(): void {
    this.#monitor.disconnect()
    this.#redis.disconnect()
  }
}
