import { fork } from 'node:child_process'

/**
 * A process of its own that does what it is asked. `ask` resolves to its answer, and rejects when it could not do it or
 * is gone. Whoever starts it ends it.
 */
export function startChild(file, settings, { execArgv = [] } = {}) {
  // What a child writes to its output, as a server does its log, is nobody's.
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc']
  const child = fork(new URL(file, import.meta.url), [JSON.stringify(settings)], { execArgv, stdio })
  const waiting = new Map()
  let asked = 0
  const exited = new Promise((resolve) => child.once('exit', resolve))
  exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} is gone`))
  })
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(value)
    else reject(new Error(`${file}: ${error}`))
  })
  return {
    ask(verb, given = {}) {
      return new Promise((resolve, reject) => {
        if (child.exitCode !== null || child.signalCode !== null) return reject(new Error(`${file} is gone`))
        const id = asked++
        waiting.set(id, { resolve, reject })
        child.send({ id, verb, given })
      })
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await exited
    },
  }
}

/** In the child: what its parent may ask. It ends with its parent. */
export function answerParent(verbs) {
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, verb, given }) => {
    try {
      process.send({ id, value: await verbs[verb](given) })
    } catch (error) {
      process.send({ id, error: error.message })
    }
  })
}

/** In the child: what it was started with. */
export function settingsOfChild() {
  return JSON.parse(process.argv[2])
}
