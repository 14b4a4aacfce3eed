#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addConnectCommand } from './connect.js'
import { addHealthcheckCommand } from './healthcheck.js'
import { addServeCommand } from './serve.js'

const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const program = new Command('headcount')
  .description(description)
  .version(version)
  .showHelpAfterError('(--help shows what is possible)')
addServeCommand(program)
addConnectCommand(program)
addHealthcheckCommand(program)
await program.parseAsync()
