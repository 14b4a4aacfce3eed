import type { Command } from 'commander'
import { addCheckCommand } from './check.js'
import { addConfigCommand } from './config.js'
import { addConnectCommand } from './connect/connect.js'
import { addDemoCommand } from './demo/demo.js'
import { addDoctorCommand } from './doctor/doctor.js'
import { addDrainCommand } from './drain.js'
import { addEvictCommands } from './evict.js'
import { addHealthcheckCommand } from './healthcheck.js'
import { addKeysCommand } from './keys/keys.js'
import { addLimitCommand } from './limit.js'
import { addNodesCommand } from './nodes.js'
import { addOrgCommand } from './org.js'
import { addOrgsCommand } from './orgs.js'
import { addRefusalsCommand } from './refusals.js'
import { serveProgram } from './serve.js'
import { addSizeCommand } from './size/size.js'
import { addTopCommand } from './top.js'
import { addWhyCommand } from './why/why.js'

/** All commands, in the order in which `--help` and docs/cli.md have them. */
export function makeProgram(version: string, description: string): Command {
  const program = serveProgram(version, description)
  addConnectCommand(program)
  addDemoCommand(program)
  addHealthcheckCommand(program)
  addConfigCommand(program)
  addTopCommand(program)
  addOrgsCommand(program)
  addOrgCommand(program)
  addRefusalsCommand(program)
  addWhyCommand(program)
  addNodesCommand(program)
  addLimitCommand(program)
  addEvictCommands(program)
  addDrainCommand(program)
  addKeysCommand(program)
  addDoctorCommand(program)
  addCheckCommand(program)
  addSizeCommand(program)
  return program
}
