#!/usr/bin/env node
import { description, version } from '../server/version.js'
import { makeProgram } from './program.js'

// Whoever read the output may go before its end, as `head` does; what cannot be written for another reason is lost.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return
  process.stderr.write(`headcount: standard output cannot be written: ${code ?? message}\n`)
  process.exitCode = 1
})

await makeProgram(version, description).parseAsync()
