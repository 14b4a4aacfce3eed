#!/usr/bin/env node
import { description, version } from '../server/version.js'
import { serveProgram } from './serve.js'

// Whoever read the output may go before its end, as `head` does; what cannot be written for another reason is lost.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return
  process.stderr.write(`headcount: standard output cannot be written: ${code ?? message}\n`)
  process.exitCode = 1
})

// A node that is PID 1 of its container ignores signals until the server listens to them: it does not wait for the code of
// the other commands, which takes longer to load than its own.
const makeProgram = process.argv[2] === 'serve' ? serveProgram : (await import('./program.js')).makeProgram
await makeProgram(version, description).parseAsync()
